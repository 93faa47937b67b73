"""Why two versions differ: what changed between the runs that logged them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import BlobMissing, TooLarge
from steelyard.limits import ARTIFACT_DIFF_PATHS_MAX
from steelyard.server.blobs.interface import BlobStore, read_blob
from steelyard.server.rooms.artifacts.diff import diff_documents, flatten
from steelyard.server.rooms.artifacts.uses import inputs_by_run
from steelyard.server.rooms.files.queries import READ_BYTES_MAX, files_by_run
from steelyard.server.rooms.runs.fields import find_nested
from steelyard.server.rooms.runs.model import Run
from steelyard.wire.artifacts import (
    CauseCounts,
    CodeChange,
    InputChange,
    MetricChange,
    ValueChange,
)

INPUTS_MAX = 1000
PATCH_FILE, PACKAGES_FILE = "diff.patch", "requirements.txt"
PACKAGES_KEPT = 4  # lists of packages, while runs in a row are compared
#: What a machine is, of all that the client tells of a process. wandb 0.31.0 names.
ENVIRONMENT = (
    "host",
    "os",
    "python",
    "executable",
    "cpu_count",
    "cpu_count_logical",
    "gpu",
    "gpu_count",
    "cudaVersion",
    "memory",
    "docker",
)


class RunCauses(msgspec.Struct, frozen=True):
    """What differs between two runs."""

    inputs: list[InputChange]
    config: list[ValueChange]
    code: CodeChange | None
    environment: list[ValueChange]
    metrics: list[MetricChange]


class RunFacts(msgspec.Struct, frozen=True):
    """What made a run what it is. One that is not known has nothing of it.

    `code` is (commit, repository, has changes that were not committed, program), `packages` the
    SHA-256 of the list of them.
    """

    inputs: dict[tuple[str, str], str] = {}
    config: dict[str, Any] = {}
    code: tuple[str | None, str | None, bool | None, str | None] = (None, None, None, None)
    machine: dict[str, Any] = {}
    packages: bytes | None = None


class StepOfVersions(msgspec.Struct, frozen=True):
    """A version's metric, and what is new since the version before it."""

    value: Any
    delta: float | None
    causes: CauseCounts | None


UNKNOWN = RunFacts()
ReadPackages = Callable[[bytes], dict[str, str]]


def diff_runs(
    conn: Connection, blobs: BlobStore, before: Run | None, after: Run | None
) -> RunCauses:
    """What differs from one run to another; a run that is not known counts as empty."""
    facts = load_facts(conn, [run for run in (before, after) if run is not None])
    old, new = (UNKNOWN if run is None else facts[run.id] for run in (before, after))
    summaries = [{} if run is None else run.parse_summary() for run in (before, after)]
    return RunCauses(
        inputs=_diff_inputs(old, new),
        config=diff_documents(old.config, new.config),
        code=_diff_code(old, new),
        environment=_diff_environment(old, new, _package_reader(blobs)),
        metrics=diff_metrics(summaries[0], summaries[1]),
    )


def compare_in_row(
    conn: Connection, blobs: BlobStore, runs: Sequence[Run | None], *, metric: str | None
) -> list[StepOfVersions]:
    """Each run, those behind versions from new to old, beside the next one in the list.

    However many there are, it takes the same few statements. The last one has nothing beside it;
    where neither run is known, no causes are.
    """
    facts = load_facts(conn, list({run.id: run for run in runs if run is not None}.values()))
    values = [None if run is None or metric is None else find_metric(run, metric) for run in runs]
    read_packages = _package_reader(blobs)
    steps: list[StepOfVersions] = []
    for place, after in enumerate(runs):
        if place + 1 == len(runs):
            steps.append(StepOfVersions(values[place], None, None))
            continue
        before = runs[place + 1]
        old, new = (UNKNOWN if run is None else facts[run.id] for run in (before, after))
        is_known = before is not None or after is not None
        counts = _count_causes(old, new, read_packages) if is_known else None
        delta = _difference(values[place + 1], values[place])
        steps.append(StepOfVersions(values[place], delta, counts))
    return steps


def load_facts(conn: Connection, runs: Sequence[Run]) -> dict[int, RunFacts]:
    """What made these runs what they are, by their numbers."""
    ids = [run.id for run in runs]
    inputs = inputs_by_run(conn, ids, limit=INPUTS_MAX)
    files = files_by_run(conn, ids, [PATCH_FILE, PACKAGES_FILE])
    found: dict[int, RunFacts] = {}
    for run in runs:
        config = run.parse_config()
        # No diff.patch may mean no changes, but wandb 0.31.0 stores it only with save_code.
        dirty = True if run.commit and (run.id, PATCH_FILE) in files else None
        packages = files.get((run.id, PACKAGES_FILE))
        found[run.id] = RunFacts(
            inputs=inputs.get(run.id, {}),
            config=_values(config),
            code=(run.commit, run.repo, dirty, run.program),
            machine=_machine(run, config),
            packages=None if packages is None else packages.sha256,
        )
    return found


def find_metric(run: Run, key: str) -> Any:
    """The value of a summary by its key, nested ones joined by dots; null when it has none."""
    return flatten(_without_media(run.parse_summary())).get(key)


def list_metrics(runs: Sequence[Run]) -> list[str]:
    """Keys whose value is a number in the summary of any of the runs; not those of the client."""
    keys = {
        key
        for run in runs
        for key, value in flatten(_without_media(run.parse_summary())).items()
        if _is_number(value) and not key.startswith("_")
    }
    return sorted(keys)[:ARTIFACT_DIFF_PATHS_MAX]


def _count_causes(old: RunFacts, new: RunFacts, read_packages: ReadPackages) -> CauseCounts:
    code = _diff_code(old, new)
    return CauseCounts(
        inputs=len(_diff_inputs(old, new)),
        config=len(diff_documents(old.config, new.config)),
        code=0 if code is None else max(1, _count_code(code)),
        environment=len(_diff_environment(old, new, read_packages)),
    )


def _count_code(code: CodeChange) -> int:
    return (
        (code.commit_before != code.commit_after)
        + (code.dirty_before != code.dirty_after)
        + (code.program_before != code.program_after)
    )


def _values(config: dict[str, Any]) -> dict[str, Any]:
    """The config as the user gave it: without wrappers and what the client notes for itself."""
    return {
        key: entry.get("value") if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in config.items()
        if key not in ("_wandb", "wandb_version")
    }


def _diff_inputs(before: RunFacts, after: RunFacts) -> list[InputChange]:
    old, new = before.inputs, after.inputs
    return [
        InputChange(type=type, name=name, before=old.get((type, name)), after=new.get((type, name)))
        for type, name in sorted(old.keys() | new.keys())
        if old.get((type, name)) != new.get((type, name))
    ]


def _diff_code(before: RunFacts, after: RunFacts) -> CodeChange | None:
    """None when nothing of it differs, or nothing is known."""
    old, new = before.code, after.code
    if old == new:
        return None
    return CodeChange(
        commit_before=old[0],
        commit_after=new[0],
        repo=new[1] or old[1],
        dirty_before=old[2],
        dirty_after=new[2],
        program_before=old[3],
        program_after=new[3],
    )


def _diff_environment(
    before: RunFacts, after: RunFacts, read_packages: ReadPackages
) -> list[ValueChange]:
    documents = [before.machine, after.machine]
    if before.packages != after.packages:
        for place, facts in enumerate((before, after)):
            packages = {} if facts.packages is None else read_packages(facts.packages)
            if packages:
                documents[place] = documents[place] | {"packages": packages}
    return diff_documents(documents[0], documents[1])


def _machine(run: Run, config: dict[str, Any]) -> dict[str, Any]:
    told = find_nested(config, ("_wandb", "value", "e"))
    first: Any = next(iter(told.values()), {}) if isinstance(told, dict) else {}
    facts = first if isinstance(first, dict) else {}
    known = {"host": run.host} | {key: facts[key] for key in ENVIRONMENT if key in facts}
    python = find_nested(config, ("_wandb", "value", "python_version"))
    if isinstance(python, str):
        known["python"] = python
    return known


def _package_reader(blobs: BlobStore) -> ReadPackages:
    """Reads installed packages by name from a requirements.txt; the last few are remembered."""

    @functools.lru_cache(maxsize=PACKAGES_KEPT)
    def read(sha256: bytes) -> dict[str, str]:
        try:
            text = read_blob(blobs, sha256, size_bytes_max=READ_BYTES_MAX)
        except (BlobMissing, TooLarge):
            return {}
        lines = text.decode("utf-8", "replace").splitlines()
        pairs = (line.partition("==") for line in lines)
        return {name.strip(): version.strip() for name, equals, version in pairs if equals}

    return read


def diff_metrics(before: dict[str, Any], after: dict[str, Any]) -> list[MetricChange]:
    """Values of the summary, without what clients count for themselves (`_step`, …) and without
    media, tables and histograms: they differ always, and the numbers of a file's name say nothing.
    """
    old, new = flatten(_without_media(before)), flatten(_without_media(after))
    changes: list[MetricChange] = []
    for key in sorted(old.keys() | new.keys()):
        if key.startswith("_") or old.get(key) == new.get(key):
            continue
        first, last = old.get(key), new.get(key)
        changes.append(MetricChange(key, first, last, _difference(first, last)))
    return changes[:ARTIFACT_DIFF_PATHS_MAX]


def _difference(first: Any, last: Any) -> float | None:
    return float(last) - float(first) if _is_number(first) and _is_number(last) else None


def _without_media(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_media(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if not (isinstance(value, dict) and "_type" in value)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

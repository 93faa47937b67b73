"""Why two versions differ: what changed between the runs that logged them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import BlobMissing, TooLarge
from steelyard.limits import ARTIFACT_DIFF_PATHS_MAX
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.rooms.artifacts.diff import diff_documents, flatten
from steelyard.server.rooms.artifacts.uses import list_used
from steelyard.server.rooms.files.queries import find_file, read_run_file
from steelyard.server.rooms.runs.fields import find_nested
from steelyard.server.rooms.runs.model import Run
from steelyard.wire.artifacts import CodeChange, InputChange, MetricChange, ValueChange

INPUTS_MAX = 1000
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


def diff_runs(
    conn: Connection, blobs: BlobStore, before: Run | None, after: Run | None
) -> RunCauses:
    """What differs from one run to another; a run that is not known counts as empty."""
    configs = [{} if run is None else run.parse_config() for run in (before, after)]
    summaries = [{} if run is None else run.parse_summary() for run in (before, after)]
    machines = [_environment(conn, blobs, run) for run in (before, after)]
    return RunCauses(
        inputs=_diff_inputs(conn, before, after),
        config=diff_documents(_values(configs[0]), _values(configs[1])),
        code=_diff_code(conn, before, after),
        environment=diff_documents(machines[0], machines[1]),
        metrics=diff_metrics(summaries[0], summaries[1]),
    )


def _values(config: dict[str, Any]) -> dict[str, Any]:
    """The config as the user gave it: without wrappers and what the client notes for itself."""
    return {
        key: entry.get("value") if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in config.items()
        if key not in ("_wandb", "wandb_version")
    }


def _inputs(conn: Connection, run: Run | None) -> dict[tuple[str, str], str]:
    if run is None:
        return {}
    return {
        (artifact.type, f"{artifact.entity}/{artifact.project}/{artifact.collection}"): (
            artifact.version or "draft"
        )
        for _, artifact in list_used(conn, run.id, limit=INPUTS_MAX)
    }


def _diff_inputs(conn: Connection, before: Run | None, after: Run | None) -> list[InputChange]:
    old, new = _inputs(conn, before), _inputs(conn, after)
    return [
        InputChange(type=type, name=name, before=old.get((type, name)), after=new.get((type, name)))
        for type, name in sorted(old.keys() | new.keys())
        if old.get((type, name)) != new.get((type, name))
    ]


def _diff_code(conn: Connection, before: Run | None, after: Run | None) -> CodeChange | None:
    """None when nothing of it differs, or nothing is known."""
    old = _code(conn, before)
    new = _code(conn, after)
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


def _code(
    conn: Connection, run: Run | None
) -> tuple[str | None, str | None, bool | None, str | None]:
    """(commit, repository, has changes that were not committed, program)."""
    if run is None:
        return None, None, None, None
    # No diff.patch may mean no changes, but wandb 0.31.0 stores it only with save_code.
    dirty = True if run.commit and find_file(conn, run.id, "diff.patch") else None
    return run.commit, run.repo, dirty, run.program


def _environment(conn: Connection, blobs: BlobStore, run: Run | None) -> dict[str, Any]:
    if run is None:
        return {}
    told = find_nested(run.parse_config(), ("_wandb", "value", "e"))
    first: Any = next(iter(told.values()), {}) if isinstance(told, dict) else {}
    facts = first if isinstance(first, dict) else {}
    known = {"host": run.host} | {key: facts[key] for key in ENVIRONMENT if key in facts}
    python = find_nested(run.parse_config(), ("_wandb", "value", "python_version"))
    if isinstance(python, str):
        known["python"] = python
    packages = _packages(conn, blobs, run)
    return known | ({"packages": packages} if packages else {})


def _packages(conn: Connection, blobs: BlobStore, run: Run) -> dict[str, str]:
    """Installed packages by name, from the run's requirements.txt."""
    try:
        text = read_run_file(conn, blobs, run.id, "requirements.txt")
    except (BlobMissing, TooLarge):
        return {}
    lines = (text or b"").decode("utf-8", "replace").splitlines()
    pairs = (line.partition("==") for line in lines)
    return {name.strip(): version.strip() for name, equals, version in pairs if equals}


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
        is_numeric = _is_number(first) and _is_number(last)
        delta = float(last or 0) - float(first or 0) if is_numeric else None
        changes.append(MetricChange(key, first, last, delta))
    return changes[:ARTIFACT_DIFF_PATHS_MAX]


def _without_media(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_media(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if not (isinstance(value, dict) and "_type" in value)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

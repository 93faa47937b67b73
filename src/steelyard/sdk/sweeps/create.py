"""Making sweeps, and changing them: what is sent to the server, and what is checked before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from steelyard.errors import Invalid, SweepInvalid, UsageError
from steelyard.sdk import terminal
from steelyard.sdk.sweeps.places import (
    SweepPath,
    complete,
    open_server,
    project_place,
    remember_sweep,
    sweep_place,
)
from steelyard.sdk.values import plain_config

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.remote import Remote

State = Literal["running", "paused", "finished", "canceled"]


class Prepared(msgspec.Struct, frozen=True):
    """A configuration that can be searched, as it is sent, and what is odd about it."""

    config: str | dict[str, Any]
    raw: dict[str, Any]
    warnings: list[str]


class SweepMade(msgspec.Struct, frozen=True):
    """A sweep on a server."""

    path: SweepPath
    url: str
    warnings: list[str]


def sweep(
    sweep: dict[str, Any] | Callable[[], dict[str, Any]],
    entity: str | None = None,
    project: str | None = None,
    prior_runs: list[str] | None = None,
) -> str:
    """Make a sweep; its id, for `agent`.

    Args:
        sweep: its configuration, or a function without arguments that gives it.
        entity, project: where it and its runs are. Default: as the configuration says, or as for
            runs.
        prior_runs: ids of runs of the project that the search learns from.

    Raises SweepInvalid with every mistake in the configuration: nothing is made then. UsageError
    without a server, NoApiKey without a key.
    """
    config = sweep() if callable(sweep) else sweep
    if not isinstance(config, Mapping):
        raise Invalid(
            f"sweep() takes a dict, or a function that gives one, not {config!r:.80}; "
            "a file: steelyard sweep CONFIG.yaml"
        )
    made = create_sweep(
        prepare_config(config), entity=entity, project=project, prior_runs=prior_runs or ()
    )
    for warning in made.warnings:
        terminal.say(warning, level="warn")
    terminal.say(f"Create sweep with ID: {made.path.sweep}")
    terminal.say(f"Sweep URL: {made.url}")
    return made.path.sweep


def prepare_config(
    source: str | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    directory: Path | None = None,
) -> Prepared:
    """Check a configuration and make it ready: ${NAME} from the environment, and the program.

    Args:
        source: YAML text, or the same as a mapping.
        overrides: keys of the top level that are set in it.
        directory: of the file it is from; a `program` that is there is named from here.

    Raises SweepInvalid with every mistake.
    """
    from steelyard.sdk.settings import read_environ
    from steelyard.search.config import read_config
    from steelyard.search.yaml_source import read_yaml

    given: Any = (
        source
        if isinstance(source, str)
        else {str(key): plain_config(str(key), value) for key, value in source.items()}
    )
    problem, found = read_config(given, environment=read_environ())
    errors = [each for each in found if each.severity == "error"]
    if problem is None or errors:
        said = "\n".join(f"  {each}" for each in errors) or "  it says nothing"
        raise SweepInvalid(
            f"this configuration cannot be searched, and nothing was made:\n{said}",
            diagnostics=[msgspec.to_builtins(each) for each in found],
        )
    raw = {**problem.raw, **(overrides or {})}
    named = raw.get("program")
    if directory is not None and isinstance(named, str):
        raw["program"] = _name_from_here(named, directory)
    warnings = [str(each) for each in found if each.severity == "warning"]
    if isinstance(given, str) and raw == read_yaml(given).value:
        return Prepared(given, raw, warnings)  # with its comments
    return Prepared(_dump(raw) if isinstance(given, str) else raw, raw, warnings)


def _name_from_here(program: str, directory: Path) -> str:
    """A program that lies beside its configuration, as one names it in the current directory."""
    path = directory / program
    if Path(program).is_absolute() or not path.is_file():
        return program
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.resolve())


def _dump(raw: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(dict(raw), sort_keys=False, allow_unicode=True)
    return text


def create_sweep(
    prepared: Prepared,
    *,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] = (),
) -> SweepMade:
    """Make the sweep on the server of the settings. Raises as `sweep`."""
    remote = open_server()
    place = find_place(prepared.raw, entity=entity, project=project)
    owner = place.entity or remote.default_entity
    assert place.project is not None
    found = remote.connection.call(
        "POST",
        project_place(owner, place.project),
        content={"config": prepared.config, "prior_runs": list(prior_runs)},
        timeout_s=remote.read_timeout_s,
    )
    made = _describe(remote, found, prepared.warnings)
    remember_sweep(made.path)
    return made


def update_sweep(prepared: Prepared, path: SweepPath) -> SweepMade:
    """Give a sweep another configuration: a new version of it; what was tried stays."""
    remote = open_server()
    found = remote.connection.call(
        "PATCH",
        sweep_place(complete(path, remote)),
        content={"config": prepared.config},
        timeout_s=remote.read_timeout_s,
    )
    return _describe(remote, found, prepared.warnings)


def set_sweep_state(path: SweepPath, state: State) -> SweepMade:
    """Pause, resume, finish or cancel a sweep. Raises Conflict for what cannot follow its state."""
    remote = open_server()
    found = remote.connection.call(
        "PATCH",
        sweep_place(complete(path, remote)),
        content={"state": state},
        timeout_s=remote.read_timeout_s,
    )
    return _describe(remote, found, [])


def find_place(raw: Mapping[str, Any], *, entity: str | None, project: str | None) -> SweepPath:
    """Where a new sweep goes: arguments, then the environment, then the configuration, then
    settings files, then the git repository's name. wandb 0.31.0 cli/cli.py sweep."""
    from steelyard.sdk.init import find_project_name
    from steelyard.sdk.session import get_session

    loaded = get_session().load_settings({})
    found: dict[str, str | None] = {}
    for name, given in (("entity", entity), ("project", project)):
        known: str | None = getattr(loaded.settings, name)
        of_environment = known if "environment" in loaded.sources.get(name, "") else None
        of_config = raw.get(name)
        if of_config is not None and not isinstance(of_config, str):
            raise UsageError(f"{name}: of a sweep is a name, not {of_config!r:.80}")
        found[name] = given or of_environment or of_config or known
    program = raw.get("program")
    if found["project"] is None:
        named = program if isinstance(program, str) else None
        look_at_git = not loaded.settings.disable_git
        found["project"] = find_project_name(named, look_at_git=look_at_git)
    return SweepPath(found["entity"], found["project"], "")


def _describe(remote: Remote, found: Mapping[str, Any], warnings: list[str]) -> SweepMade:
    path = SweepPath(str(found["entity"]), str(found["project"]), str(found["name"]))
    said = [str(each) for each in found.get("warnings") or ()]
    new = [each for each in said if each not in warnings]
    url = remote.page_url(found["entity"], found["project"], "sweeps", found["name"])
    return SweepMade(path, url, [*warnings, *new])

"""`steelyard.init()`: from arguments to a run that takes records.

Nothing here waits for the network, except where a run is to be continued (`resume.py`) or the
person is asked for an API key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from steelyard._version import __version__
from steelyard.errors import UsageError
from steelyard.limits import NAME_CHARS_MAX
from steelyard.sdk import terminal
from steelyard.sdk.config import Config, bind_config
from steelyard.sdk.config_sources import DEFAULTS_FILE, read_config, read_config_file
from steelyard.sdk.journal.folder import RunFolder, create_run_folder, make_writer_name
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.notebook import is_notebook
from steelyard.sdk.resume import (
    Beginning,
    forget_resume_file,
    plan_beginning,
    read_resume_file,
    write_resume_file,
)
from steelyard.sdk.run import Run
from steelyard.sdk.run_facts import RunFacts
from steelyard.sdk.session import LoadedSettings, Session, fields_of, get_session, new_id
from steelyard.sdk.settings import ClientSettings, Settings, program_of_process
from steelyard.sdk.settings_values import NAME_CHARS_REFUSED, parse_moment
from steelyard.sdk.values import plain_config
from steelyard.wire.journal import CONFIG

if TYPE_CHECKING:
    from steelyard.sdk.sender.launch import SenderHandle

DEFAULT_PROJECT = "uncategorized"


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: Literal["online", "offline", "disabled", "shared"] | None = None,
    force: bool | None = None,
    reinit: bool
    | Literal["default", "return_previous", "finish_previous", "create_new"]
    | None = None,
    resume: bool | Literal["allow", "never", "must", "auto"] | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | dict[str, Any] | None = None,
    anonymous: object = None,
) -> Run:
    """Begin a run, or go on with one.

    Returns without waiting for the server: the run is a journal on disk, which a process of its
    own sends. Only resume, fork_from and resume_from ask the server, for ten seconds at most.

    Args:
        entity, project: where the run belongs. Default: yours, and the git repository's name.
        dir: directory below which the run folder is made. Default: the current one.
        id: of the run, to go on with it later. Default: eight random characters.
        name, notes, tags, group, job_type: how people find it.
        config: hyperparameters: a dict, the path of a YAML file, a namespace, a dataclass object,
            OmegaConf, absl flags.
        config_exclude_keys, config_include_keys: which of them are taken.
        allow_val_change: whether config values may be changed later.
        mode: online; offline keeps everything until `steelyard sync`; disabled does nothing.
        force: fail when nobody is logged in, instead of offering to stay offline.
        reinit: what happens while a run is active: return_previous (the default),
            finish_previous (the default in notebooks), create_new.
        resume: allow goes on with the run of that id or begins it, must goes on or fails, never
            fails if it is there, auto goes on with the run that last failed in this directory.
        resume_from, fork_from: "RUN?_step=N": cut that run after step N and go on with it, or
            begin with a copy of it up to there.
        save_code: store the main script.
        settings: further settings, see `Settings`.
        tensorboard, sync_tensorboard, monitor_gym, anonymous: accepted; not supported.

    Raises UsageError for arguments that cannot work, NoApiKey when a server is configured and
    nobody is logged in, Unavailable for resume="must" without an answer.
    """
    session = get_session()
    fields = fields_of(settings) if settings is not None else {}
    given = {
        "entity": entity,
        "project": project,
        "root_dir": dir,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "allow_val_change": allow_val_change,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "force": force,
        "reinit": reinit,
        "resume": resume,
        "resume_from": resume_from,
        "fork_from": fork_from,
        "save_code": save_code,
        "sync_tensorboard": tensorboard or sync_tensorboard,
    }
    fields.update((key, value) for key, value in given.items() if value is not None)
    loaded = session.load_settings(fields)
    if loaded.settings.sweep_id and _drop_what_the_sweep_says(fields):
        loaded = session.load_settings(fields)
    if previous := _settle_previous(session, loaded.settings):
        return previous
    if loaded.settings.sync_tensorboard:
        terminal.say("TensorBoard files cannot be followed yet; log() the values", level="warn")
    if monitor_gym:
        terminal.say("gym videos cannot be recorded yet; save() the files", level="warn")

    given_config = read_config(config, include=config_include_keys, exclude=config_exclude_keys)
    chosen = _settle_server(loaded)
    chosen = _settle_names(chosen)
    run = _begin(chosen, given_config)
    session.add(run, is_current=chosen.reinit != "create_new")
    return run


def _drop_what_the_sweep_says(fields: dict[str, Any]) -> bool:
    """In a sweep, the agent says where the run goes; whether an argument said otherwise."""
    # wandb 0.31.0 sdk/wandb_init.py clear_run_path_if_sweep_or_launch
    dropped = [name for name in ("project", "entity", "run_id") if fields.pop(name, None)]
    if dropped:
        terminal.say(
            f"{' and '.join(dropped)} of init() is ignored: the sweep says where its runs go",
            level="warn",
        )
    return bool(dropped)


def _settle_previous(session: Session, settings: ClientSettings) -> Run | None:
    """The run to return instead of a new one, if one is active and settings say so."""
    if settings.mode == "disabled":
        return None
    active = session.list_active()
    if not active or settings.reinit == "create_new":
        return None
    # wandb 0.31.0 sdk/wandb_init.py init: "default" finishes in notebooks, returns elsewhere.
    if settings.reinit == "finish_previous" or (settings.reinit == "default" and is_notebook()):
        for run in reversed(active):
            run.finish()
        return None
    if settings.resume == "must":
        raise UsageError(
            f"resume='must' while run {active[-1].id} is active: finish() it first, "
            "or use init(reinit='create_new')"
        )
    terminal.say(
        f"init() was called while run {active[-1].id} is active, so it returns that run; finish() "
        "it first, or use init(reinit='finish_previous') or init(reinit='create_new')"
    )
    return active[-1]


def _settle_server(loaded: LoadedSettings) -> ClientSettings:
    """The settings with the API key in them and the mode that comes of it."""
    settings = loaded.settings
    if settings.mode != "online":
        return settings
    if settings.base_url is None:
        return msgspec.structs.replace(settings, mode="local")
    from steelyard.sdk.login import ask_key, can_ask, check_key, find_key, keep_key, no_key

    source = loaded.sources.get("api_key")
    found = None if settings.relogin else find_key(settings, loaded.environ, source)
    if found is None:
        if not can_ask():
            raise no_key(settings.base_url)
        answer = ask_key(
            settings.base_url,
            timeout_s=settings.login_timeout,
            may_be_empty=not settings.force,
        )
        if answer is None:
            if settings.force:
                raise no_key(settings.base_url)
            return msgspec.structs.replace(settings, mode="offline")
        found = check_key(answer, "the prompt")
        keep_key(settings, loaded.environ, found)
        get_session().remember_login(settings.base_url, found.key)
    return msgspec.structs.replace(settings, api_key=found.key, api_key_source=found.source)


def _settle_names(settings: ClientSettings) -> ClientSettings:
    """The settings with run id, project and program filled in."""
    program = settings.program or program_of_process()
    project = settings.project or find_project_name(program, look_at_git=not settings.disable_git)
    run_id = settings.run_id
    if settings.resume == "auto":
        kept = read_resume_file(Path(settings.resume_file))
        if kept and run_id and kept != run_id:
            terminal.say(f"resume='auto' would go on with {kept}, but the id is {run_id}")
        run_id = run_id or kept
    if settings.resume_from:
        source, _ = parse_moment(settings.resume_from)
        if run_id not in (None, source):
            raise UsageError(
                f"resume_from goes on with run {source!r}, but the id is {run_id!r}; "
                "leave the id out, or use fork_from to begin a new run"
            )
        run_id = source
    if settings.fork_from and run_id == parse_moment(settings.fork_from)[0]:
        raise UsageError(
            f"fork_from makes a new run, but the id is that of {run_id!r}; "
            "leave the id out, or use resume_from to cut the run itself"
        )
    run_id = run_id or new_id()
    if settings.resume == "auto" and settings.mode != "disabled":
        write_resume_file(Path(settings.resume_file), run_id)
    return msgspec.structs.replace(settings, run_id=run_id, project=project, program=program)


def find_project_name(program: str | None, *, look_at_git: bool) -> str:
    """The git repository's name, and the script's folder in it; else uncategorized."""
    # wandb 0.31.0 util.py auto_project_name
    try:
        here = Path.cwd()
    except OSError:
        return DEFAULT_PROJECT
    root = next((p for p in (here, *here.parents) if (p / ".git").exists()), None)
    if root is None or not look_at_git:
        return DEFAULT_PROJECT
    name = root.name
    if program is not None and not program.startswith("-m "):
        folder = (here / program).parent
        if folder != root and folder.is_relative_to(root):
            name += "-" + "_".join(folder.relative_to(root).parts)
    clean = "".join(
        "-" if char in NAME_CHARS_REFUSED or not char.isprintable() else char for char in name
    )
    return clean[:NAME_CHARS_MAX] or DEFAULT_PROJECT


def _make_config(
    settings: ClientSettings, given: Mapping[str, Any], resumed: Mapping[str, Any]
) -> tuple[Config, dict[str, Any]]:
    """(the config, the part of it that the server does not know yet)."""
    # Weakest first. wandb 0.31.0: sdk/wandb_config.py _load_defaults, then sdk/wandb_init.py
    # make_run_config, where files of WANDB_CONFIG_PATHS win over init(config=), then the sweep.
    try:
        cwd = Path.cwd()
    except OSError:
        cwd = Path(settings.root_dir)
    named: dict[str, Any] = {}
    for path in settings.config_paths or ():
        named.update(read_config_file(cwd / Path(path).expanduser()))
    defaults = cwd / DEFAULTS_FILE
    new = {**(read_config_file(defaults) if defaults.is_file() else {}), **given, **named}
    config = Config(
        {**resumed, **new},
        encode=plain_config,
        allow_val_change=settings.allow_val_change or is_notebook(),
    )
    fresh = {key.strip("-") for key in new}
    if settings.sweep_param_path:
        parameters = read_config_file(Path(settings.sweep_param_path))
        config.merge_locked(parameters, user="sweep")
        fresh |= set(parameters)
    values = config.as_dict()
    return config, {key: values[key] for key in values if key in fresh}


def _begin(settings: ClientSettings, given_config: Mapping[str, Any]) -> Run:
    """Make folder, journal and run, start the sender, say where everything is."""
    assert settings.run_id is not None
    assert settings.project is not None
    if settings.mode == "disabled":
        config, _ = _make_config(settings, given_config, {})
        run = Run(None, None, settings, _facts_of(settings, Beginning(), 0), config, None, None)
        bind_config(config, run.append_config)
        return run

    run_id, project = settings.run_id, settings.project
    beginning = plan_beginning(settings, project=project, run_id=run_id)
    known = beginning.known
    config, fresh = _make_config(settings, given_config, known.config if known else {})
    if known is not None and known.entity and settings.entity is None:
        settings = msgspec.structs.replace(settings, entity=known.entity)
    started_at_us = time_ns() // 1000
    writer_name = make_writer_name()
    folder = create_run_folder(
        Path(settings.root_dir),
        run=run_id,
        entity=settings.entity,
        project=project,
        base_url=settings.base_url if settings.mode == "online" else None,
        mode=settings.mode,
        writer=writer_name,
        started_at_us=started_at_us,
        program=settings.program,
        warn=_warn,
    )
    writer = JournalWriter.create(
        folder.path,
        writer=writer_name,
        start=_start_of(settings, beginning, writer_name, started_at_us),
        warn=_warn,
        started_at_us=started_at_us,
    )
    if fresh:
        writer.append(CONFIG, {"set": fresh, "delete": []})
    sender = _start_sender(settings, folder)
    facts = _facts_of(settings, beginning, started_at_us)
    run = Run(folder, writer, settings, facts, config, sender, None)
    bind_config(config, run.append_config)
    if settings.resume == "auto":
        resume_path = Path(settings.resume_file)
        run.add_end_hook(lambda code: None if code else forget_resume_file(resume_path, run_id))
    if settings.sweep_id:
        from steelyard.sdk.stopping import hear_sigterm

        hear_sigterm(run)
    _say_beginning(run, settings, folder)
    if settings.console != "off":
        from steelyard.sdk.console import Console

        run.console = Console.install(run.append_console, settings.console, on_note=_warn)
    if is_notebook():
        from steelyard.sdk.notebook_history import keep_session_history

        keep_session_history(run)
    return run


def _start_sender(settings: ClientSettings, folder: RunFolder) -> SenderHandle | None:
    from steelyard.sdk.sender import launch

    sender = launch.get_sender(settings)
    sender.watch(folder.path)
    return sender


def _start_of(
    settings: ClientSettings, beginning: Beginning, writer: str, started_at_us: int
) -> dict[str, Any]:
    """The payload of START, see `wire/journal.py`; keys without a value are left out."""
    import sys

    start = {
        "v": 1,
        "role": "process",
        "writer": writer,
        "run": settings.run_id,
        "entity": settings.entity,
        "project": settings.project,
        "mode": settings.mode,
        "resume": beginning.resume,
        "fork_from": beginning.fork_from,
        "resume_from": beginning.resume_from,
        # Without it the server puts the steps behind those that it has.
        "step_base": beginning.first_step or None,
        "step_base_min": beginning.first_step_min or None,
        "display_name": settings.run_name,
        "notes": settings.run_notes,
        "tags": list(settings.run_tags) if settings.run_tags is not None else None,
        "group": settings.run_group,
        "job_type": settings.run_job_type,
        "sweep": settings.sweep_id,
        "label": settings.x_label,
        "is_primary": settings.x_primary,
        "updates_finish_state": settings.x_update_finish_state,
        "pid": os.getpid(),
        "client": f"steelyard {__version__}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "started_at_us": started_at_us,
    }
    return {key: value for key, value in start.items() if value is not None}


def _facts_of(settings: ClientSettings, beginning: Beginning, started_at_us: int) -> RunFacts:
    known = beginning.known if beginning.is_resumed else None
    assert settings.run_id is not None
    assert settings.project is not None
    tags = settings.run_tags
    if tags is None:
        tags = tuple(known.tags) if known else ()
    return RunFacts(
        run_id=settings.run_id,
        project=settings.project,
        mode=settings.mode,
        started_at_us=started_at_us or time_ns() // 1000,
        entity=settings.entity,
        display_name=settings.run_name or (known.display_name if known else None),
        group=settings.run_group,
        job_type=settings.run_job_type,
        tags=tags,
        notes=settings.run_notes or (known.notes if known else None),
        sweep_id=settings.sweep_id,
        starting_step=beginning.first_step,
        resumed=beginning.is_resumed,
        base_url=settings.app_url,
        summary=dict(known.summary) if known else {},
    )


def _say_beginning(run: Run, settings: ClientSettings, folder: RunFolder) -> None:
    """Two lines: which run this is, and where to look at it."""
    name = settings.run_name or run.facts.display_name or run.id
    verb = "goes on" if run.resumed else "begins"
    label = f"Run {name}" if name == run.id else f"Run {name} ({run.id})"
    where = _short(folder.path)
    if settings.mode == "online":
        terminal.say(f"{label} {verb} in project {run.project}; journal in {where}")
        if settings.entity:  # else the server's answer says whose page it is
            terminal.say(f"See it at {run.url}")
    elif settings.mode == "offline":
        terminal.say(f"{label} {verb}, offline, in {where}")
        terminal.say(f"Send it later: steelyard sync {where}")
    else:
        terminal.say(f"{label} {verb} in {where}; no server is configured")
        terminal.say(
            "See it: steelyard up (in this directory), or use a server: steelyard login --host URL"
        )


def _short(path: Path) -> str:
    """The path as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _warn(text: str) -> None:
    terminal.say(text, level="warn")

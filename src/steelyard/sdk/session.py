"""What this process knows between calls: its login, its runs, and which of them is *the* run."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import UsageError
from steelyard.sdk import terminal
from steelyard.sdk.fork import tell_of_forks
from steelyard.sdk.settings import (
    ClientSettings,
    Settings,
    build_settings,
    merge_settings,
    read_environ,
)
from steelyard.sdk.settings_files import read_settings_files

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

TEARDOWN_S = 30.0


class LoadedSettings:
    """Settings, where each was set, and the environment they were read from."""

    __slots__ = ("environ", "settings", "sources")

    def __init__(
        self, settings: ClientSettings, sources: Mapping[str, str], environ: Mapping[str, str]
    ) -> None:
        self.settings: ClientSettings = settings
        self.sources: Mapping[str, str] = sources
        self.environ: Mapping[str, str] = environ


class Session:
    """State of the process. A forked child starts with the parent's login and no runs of its own,
    but goes on logging into the run that was active."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        self._current: Run | None = None
        self._given: dict[str, Any] = {}  # by setup()
        self._login: dict[str, Any] = {}  # base_url and api_key, by login()
        self._begun: set[str] = set()  # ids of the runs of sweeps that had their init()
        tell_of_forks(self)

    def become_child(self) -> None:
        """In a forked child: the runs are the parent's to finish."""
        self._lock = threading.Lock()
        self._runs = []

    def load_settings(self, arguments: Mapping[str, Any]) -> LoadedSettings:
        """Settings as they are now. Arguments that are None were not given.

        Raises UsageError that names the setting and where it stands.
        """
        environ = read_environ()
        overrides = {**self._given, **self._login}
        overrides.update({name: value for name, value in arguments.items() if value is not None})
        root = overrides.get("root_dir") or environ.get("STEELYARD_DIR") or environ.get("WANDB_DIR")
        files = read_settings_files(environ, Path(root or "."))
        values, sources = merge_settings(environ, files, overrides)
        if self._login.get("api_key") and "api_key" not in arguments:
            sources["api_key"] = "login()"
        settings = build_settings(values)
        terminal.set_up_terminal(settings)
        return LoadedSettings(settings, sources, environ)

    def give_settings(self, settings: Settings | Mapping[str, Any] | None) -> None:
        """Settings for the whole process, by setup()."""
        if settings is not None:
            self._given.update(fields_of(settings))

    @property
    def settings(self) -> ClientSettings:
        """Settings as a run that begins now would have them."""
        return self.load_settings({}).settings

    def remember_login(self, base_url: str, api_key: str) -> None:
        """Use this server and key for what follows in this process."""
        self._login = {"base_url": base_url, "api_key": api_key}

    @property
    def current(self) -> Run | None:
        """The run that `steelyard.log` and the like go to; None when there is none."""
        run = self._current
        return None if run is None or run._is_finished else run

    def list_active(self) -> list[Run]:
        """Runs of this process that have not ended, oldest first."""
        with self._lock:
            self._runs = [run for run in self._runs if not run._is_finished]
            return list(self._runs)

    def add(self, run: Run, *, is_current: bool) -> None:
        """A run has begun."""
        with self._lock:
            if not run.disabled:
                self._runs.append(run)
            if is_current:
                self._current = run
            if run.sweep_id:
                self._begun.add(run.id)

    def is_awaited(self, settings: ClientSettings) -> bool:
        """An agent gave this process a run, and nobody has called init() for it yet."""
        run_id = settings.run_id
        return bool(settings.sweep_id and run_id) and run_id not in self._begun

    def forget_all(self) -> None:
        """As at the start of the process."""
        with self._lock:
            self._runs, self._current = [], None
            self._given, self._login = {}, {}


def fields_of(settings: Settings | ClientSettings | Mapping[str, Any]) -> dict[str, Any]:
    """The fields that somebody set, from what init(settings=) takes."""
    if isinstance(settings, Settings):
        return settings.given()
    if isinstance(settings, ClientSettings):
        from steelyard.sdk.settings import DEFAULTS

        known = {name: getattr(settings, name) for name in settings.__struct_fields__}
        return {
            name: value
            for name, value in known.items()
            if value != DEFAULTS[name] and value != "local"  # follows from the rest
        }
    if isinstance(settings, Mapping):
        return Settings(**settings).given()
    raise UsageError(f"settings are a dict or steelyard.Settings, not {type(settings).__name__}")


_session = Session()


def get_session() -> Session:
    """The session of this process."""
    return _session


def get_current_run(call: str) -> Run:
    """The active run. Raises UsageError naming `call` when there is none."""
    run = _session.current
    if run is None:
        raise UsageError(
            f"there is no active run: call steelyard.init() before steelyard.{call}, "
            "and finish() after it"
        )
    return run


def finish(exit_code: int | None = None) -> None:
    """End the active run; without one, nothing happens. See `Run.finish`."""
    run = _session.current
    if run is not None:
        run.finish(exit_code)


def setup(settings: Settings | None = None) -> Session:
    """Give settings that hold for every run of this process. Nothing else has to be prepared."""
    _session.give_settings(settings)
    return _session


def teardown(exit_code: int | None = None) -> None:
    """End all runs of this process and what was started for them."""
    for run in reversed(_session.list_active()):
        run.finish(exit_code)
    _session.forget_all()
    import sys

    if launch := sys.modules.get("steelyard.sdk.sender.launch"):
        launch.shut_down(TEARDOWN_S)


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: float | None = None,
    verify: bool | None = None,
    referrer: str | None = None,
    prompt: bool = True,
    anonymous: object = None,
) -> bool:
    """Find or ask for an API key, check it with the server, and use it in this process.

    A key that is given or typed in is kept in the netrc file, and its server in the settings file,
    so that it is asked for once.

    Args:
        key: the API key. Default: environment, settings files, netrc file, then a question.
        relogin: ask even if a key is known.
        host: URL of the server. Default: the configured one.
        force: has no meaning here; login never offers to stay offline.
        timeout: seconds the question waits.
        verify: ask the server whether it takes the key. Default: yes, and go on if it does not
            answer, for runs are kept on disk until it does.
        prompt: ask at all.
        referrer, anonymous: accepted, without meaning here.

    Returns whether there is a key. Raises UsageError without a server or without anybody to ask,
    Unauthenticated for a key that the server refuses, Unavailable for no answer to verify=True.
    """
    from steelyard.sdk.login import check_key, find_key, sign_in

    if _session.current is not None:
        terminal.termwarn("login() after init() changes nothing for the run that is active")
        return False
    loaded = _session.load_settings(
        {"base_url": host, "login_timeout": timeout, "relogin": relogin}
    )
    settings = loaded.settings
    if settings.mode in ("disabled", "offline"):
        return False
    if settings.base_url is None:
        raise UsageError(
            "there is no server to log in to: name it with login(host=URL) or WANDB_BASE_URL, "
            'or start one here: pip install "steelyard[server]" && steelyard up'
        )
    given = check_key(key, "login(key=…)") if key else None
    is_known = settings.relogin or given is not None
    found = None if is_known else find_key(settings, loaded.environ, loaded.sources.get("api_key"))
    done = sign_in(
        settings,
        loaded.environ,
        given=given,
        found=found,
        verify=verify,
        prompt=prompt,
        is_host_given=host is not None,
    )
    if done is None:
        return False
    _session.remember_login(settings.base_url, done.key)
    return True


def new_id(length: int = 8) -> str:
    """A random id of `length` characters of [a-z0-9]; at least 1."""
    # wandb 0.31.0 sdk/lib/runid.py generate_id: the same length and alphabet.
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    chars: list[str] = []
    while len(chars) < length:
        # 252 is the largest multiple of 36 in a byte: what lies above would prefer some letters.
        chars += [alphabet[byte % 36] for byte in os.urandom(length + 4) if byte < 252]
    return "".join(chars[:length])

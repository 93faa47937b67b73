"""The parent's side of the sender: start it, talk to it over two pipes, start it again if killed.

Pipe A carries JSON lines to the sender, pipe B JSON lines back. Nothing here waits for the
network, and nothing but `flush` and `shut_down` waits at all.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from steelyard.limits import SENDER_LINE_BYTES_MAX, SENDER_RESTARTS_MAX, SENDER_STEADY_S
from steelyard.sdk.fork import tell_of_forks
from steelyard.sdk.sender.process import describe_start

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings

State = Literal["working", "waiting", "done", "refused", "deleted", "kept", "gone"]

# The sender closes what it inherited, leaves the process tree of the user (so that whoever waits
# for "any child" does not wait for it) and knows no path but the one given: `-I -S` keep the
# user's modules and site hooks out.
BOOT = (
    "import os,sys\n"
    "os.closerange(3,65536)\n"
    "if os.fork():os._exit(0)\n"
    "if os.getsid(0)==int(sys.argv[2]):os.setsid()\n"
    "sys.path.append(sys.argv[1])\n"
    "m=type(sys)('steelyard')\n"  # the facade is for users; its import alone costs 10 ms
    "m.__path__=[sys.argv[1]+'/steelyard']\n"
    "sys.modules['steelyard']=m\n"
    "from steelyard.sdk.sender.main import main\n"
    "main()\n"
)
PACKAGES_DIR = str(Path(__file__).parents[3])
KEY_VARIABLES = ("STEELYARD_API_KEY", "WANDB_API_KEY")
FIRST_RESTART_S = 0.2
LAST_WORDS = "steelyard sync"


class Progress(msgspec.Struct, frozen=True):
    """How far a run folder is sent. Bytes count all its journals.

    `state`: working; waiting (network or server away, `message` says what); done (everything is
    acknowledged); refused and deleted (the server does not take it, `message` says why); kept
    (nothing is sent in this mode); gone (no sender runs, and none can be started).
    """

    state: State
    acknowledged: int
    total: int
    files_left: int
    message: str | None = None
    files_done: int = 0
    artifacts_left: int = 0
    artifact_bytes_left: int = 0
    artifacts_failed: int = 0

    @property
    def is_final(self) -> bool:
        """Waiting longer changes nothing."""
        return self.state not in ("working", "waiting")


class RunName(msgspec.Struct, frozen=True):
    """What the server calls the run."""

    run: str
    entity: str
    project: str
    display_name: str
    url: str


class SenderHandle:
    """The sender process of one server (or of none) and this process. Threads may share it."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._is_sending = settings.mode == "online"
        self._lock = threading.RLock()  # of the same thread: a signal handler may call us, too
        self._changed = threading.Condition(self._lock)
        self._watched: dict[str, None] = {}  # a set that keeps its order
        self._flushes: dict[str, int] = {}
        self._progress: dict[str, tuple[int, Progress]] = {}
        self._names: dict[str, RunName] = {}
        self._stopped: set[str] = set()
        self._is_closing = self._is_gone = False
        self._restart_count = 0
        self._pipe: _Pipe | None = None
        self._thread: threading.Thread | None = None
        tell_of_forks(self)
        self._start()

    def watch(self, run_dir: Path) -> None:
        """Have the sender look after that run folder. Never blocks, never raises."""
        with self._lock:
            self._watched[str(run_dir)] = None
            self._say({"watch": str(run_dir)})

    def flush(
        self, run_dir: Path, *, timeout_s: float, on_progress: Callable[[Progress], None]
    ) -> Progress:
        """Wait until everything of the folder is acknowledged, at most `timeout_s`.

        Calls `on_progress` when something changed. Returns how far it got; does not raise. Where
        nothing is sent (offline, local) it does not wait.
        """
        name = str(run_dir)
        with self._lock:
            token = self._flushes[name] = self._flushes.get(name, 0) + 1
            self._say({"flush": name, "token": token})
        if not self._is_sending:
            return measure_folder(name, "kept")
        deadline = time.monotonic() + timeout_s
        shown: Progress | None = None
        while True:
            with self._lock:
                found_token, found = self._progress.get(name, (0, None))
                wait_s = min(deadline - time.monotonic(), 1.0)
                if self._is_gone or self._pipe is None:
                    return measure_folder(name, "gone", "the sender process is not running")
                is_new = found is not None and found_token >= token and found != shown
                if not is_new and wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
            if found is None or found_token < token:
                return measure_folder(name, "working")
            if is_new:
                shown = found
                on_progress(found)
            if found.is_final or wait_s <= 0:
                return found

    def hurry(self, run_dir: str) -> None:
        """Have an artifact that was just logged sent at once; somebody waits for it."""
        with self._lock:
            if run_dir in self._watched:
                self._say({"hurry": run_dir})

    def is_stop_requested(self, run_id: str) -> bool:
        """Somebody asked on the server that the run ends."""
        return run_id in self._stopped

    def name_of(self, run_id: str) -> RunName | None:
        """What the server answered; None before it did."""
        return self._names.get(run_id)

    def close(self, timeout_s: float = 0.0) -> None:
        """Let the sender end when it is done; wait at most `timeout_s` for it."""
        with self._lock:
            self._is_closing = True
            pipe, thread = self._pipe, self._thread
            if pipe is not None:
                self._say({"bye": 1})
                pipe.close_writing()
        if thread is not None and timeout_s > 0:
            thread.join(timeout_s)

    @property
    def is_usable(self) -> bool:
        return not (self._is_closing or self._is_gone)

    def become_child(self) -> None:
        """In a forked child: the sender is the parent's; it finds the child's journals itself."""
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._is_gone = True
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    # What follows runs with the lock held, or in the thread that listens to the sender.

    def _start(self) -> None:
        try:
            self._pipe = _Pipe.open(self._hello())
        except OSError as error:
            self._is_gone = True
            _print_notice(
                "warn",
                f"cannot start the sender process ({error.strerror or error}); everything is kept "
                f"on disk, send it later: {LAST_WORDS}",
            )
            return
        for name in self._watched:
            self._say({"watch": name})
        for name, token in self._flushes.items():
            if name in self._watched:
                self._say({"flush": name, "token": token})
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._listen, name="steelyard-sender", daemon=True
            )
            self._thread.start()

    def _hello(self) -> dict[str, Any]:
        from steelyard.sdk.capture.facts import gather_process_facts
        from steelyard.sdk.settings import read_environ

        settings, environ = self._settings, read_environ()
        skipped = {"stop_fn"}
        return {
            "parent": os.getpid(),
            "parent_started": describe_start(os.getpid()),
            "path": _library_paths(),
            "settings": {
                name: getattr(settings, name)
                for name in settings.__struct_fields__
                if name not in skipped
            }
            | {"key_source": _find_key_source(settings.api_key, environ)},
            "process": gather_process_facts(environ),
        }

    def _say(self, message: dict[str, Any]) -> None:
        if self._pipe is not None:
            self._pipe.write(msgspec.json.encode(message) + b"\n")

    def _listen(self) -> None:
        while self._pipe is not None:
            pipe = self._pipe
            started_at = time.monotonic()
            for line in pipe.lines():
                try:
                    self._hear(msgspec.json.decode(line))
                except (msgspec.MsgspecError, KeyError, TypeError):
                    continue  # of another version, or torn by its death
            with self._lock:
                pipe.close()
                if time.monotonic() > started_at + SENDER_STEADY_S:
                    self._restart_count = 0  # one now and then, in a run of weeks
                count = self._restart_count = self._restart_count + 1
                if self._is_closing or self._is_gone or count > SENDER_RESTARTS_MAX:
                    self._is_gone, self._pipe = True, None
                    self._changed.notify_all()
                    return
            time.sleep(FIRST_RESTART_S * 2 ** (count - 1))
            with self._lock:
                if not self._is_closing:
                    self._start()

    def _hear(self, message: dict[str, Any]) -> None:
        if notice := message.get("notice"):
            _print_notice(notice["level"], notice["text"])
        if run := message.get("stop"):
            self._stop(run, message.get("reason"), bool(message.get("early")))
        if name := message.get("name"):
            named = RunName(**name)
            # Without an entity in the settings, init() could not say where the page is.
            if named.run not in self._names and self._settings.entity is None:
                _print_notice("info", f"See run {named.display_name} at {named.url}")
            self._names[named.run] = named
        if found := message.get("progress"):
            folder, token = found.pop("dir"), found.pop("token")
            with self._lock:
                self._progress[folder] = (token, Progress(**found))
                if found["state"] == "done" and token >= self._flushes.get(folder, 0):
                    self._watched.pop(folder, None)  # nothing for a restarted sender to do
                self._changed.notify_all()

    def _stop(self, run: str, reason: str | None, is_early: bool) -> None:
        if run in self._stopped:
            return
        self._stopped.add(run)
        stop = self._settings.stop_fn
        if stop is None:
            if _ask_sweep_run(run, reason, is_early):
                return
            _print_notice("warn", f"run {run} was stopped on the server")
            _thread.interrupt_main()
            return
        try:
            stop()
        except Exception as error:  # noqa: BLE001  # the user's function, in our thread
            _print_notice("error", f"stop_fn raised {type(error).__name__}: {error}")


def _ask_sweep_run(run_id: str, reason: str | None, is_early: bool) -> bool:
    """Have a run of a sweep end at its next `log`; whether it is one."""
    from steelyard.sdk.session import get_session
    from steelyard.sdk.stopping import BY_HAND, EARLY, KILLED

    for run in get_session().list_active():
        if run.id == run_id and run.sweep_id:
            run.ask_to_stop(reason or BY_HAND, EARLY if is_early else KILLED)
            return True
    return False


class _Pipe:
    """The two pipes to one sender process."""

    def __init__(self, read_fd: int, write_fd: int, kept_fd: int, pid: int) -> None:
        self._read_fd, self._write_fd, self._pid = read_fd, write_fd, pid
        # We keep the sender's end as well: writing to a pipe that nobody reads raises SIGPIPE,
        # which ends a process that gave it back its default action.
        self._kept_fd = kept_fd
        self._inodes = {fd: os.fstat(fd).st_ino for fd in (read_fd, write_fd)}
        self._lock = threading.RLock()
        self._waiting = b""

    @classmethod
    def open(cls, hello: dict[str, Any]) -> _Pipe:
        """Start a sender. Raises OSError."""
        if not sys.executable or getattr(sys, "frozen", False):
            raise OSError("this Python has no executable of its own")
        opened: list[int] = []
        try:
            for _ in range(2):
                opened += (_above_standard(fd) for fd in os.pipe())
            a_read, a_write, b_read, b_write = opened
            os.set_blocking(a_write, False)
            pid = _spawn(a_read, b_write)
        except OSError:
            for fd in opened:
                os.close(fd)
            raise
        os.close(b_write)
        pipe = cls(b_read, a_write, a_read, pid)
        pipe.write(msgspec.json.encode({"hello": hello}) + b"\n")
        return pipe

    def write(self, data: bytes) -> None:
        """Write what the pipe takes; the rest goes with a later write."""
        with self._lock:
            self._waiting += data
            try:
                while self._waiting and self._is_ours(self._write_fd):
                    self._waiting = self._waiting[os.write(self._write_fd, self._waiting) :]
            except OSError:  # full, or the sender is gone: `lines` notices that
                return

    def lines(self) -> Any:
        """Complete lines from the sender, until it ends."""
        with contextlib.suppress(OSError):  # no child any more: somebody else waited for it
            os.waitpid(self._pid, 0)  # the one that forked and left
        rest = b""
        while self._is_ours(self._read_fd):
            self._write_rest()
            try:
                data = os.read(self._read_fd, 65536)
            except OSError:
                return
            if not data or len(rest) > SENDER_LINE_BYTES_MAX:
                return
            *whole, rest = (rest + data).split(b"\n")
            yield from whole

    def _write_rest(self) -> None:
        """Have the sender take what the pipe did not hold at once, unless it has something to say:
        a command line of a megabyte makes a first message that is as long."""
        import select

        while self._waiting and self._is_ours(self._write_fd):
            poll = select.poll()
            poll.register(self._write_fd, select.POLLOUT)
            poll.register(self._read_fd, select.POLLIN)
            if any(fd == self._read_fd for fd, _ in poll.poll(1000)):
                return
            self.write(b"")

    def close_writing(self) -> None:
        if self._is_ours(self._write_fd):
            os.close(self._write_fd)
        self._inodes.pop(self._write_fd, None)

    def close(self) -> None:
        self.close_writing()
        for fd in (self._read_fd, self._kept_fd):
            if fd == self._kept_fd or self._is_ours(fd):
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._inodes.clear()

    def _is_ours(self, fd: int) -> bool:
        """Still our pipe: a process that becomes a daemon closes all files, numbers are reused."""
        try:
            return self._inodes.get(fd) == os.fstat(fd).st_ino
        except OSError:
            return False


_senders: dict[tuple[str | None, str | None, str], SenderHandle] = {}
_senders_lock = threading.RLock()


def get_sender(settings: ClientSettings) -> SenderHandle:
    """The sender of this process for these settings, started when there is none.

    Runs with the same server, key and mode share one.
    """
    key = (settings.base_url, settings.api_key, settings.mode)
    with _senders_lock:
        found = _senders.get(key)
        if found is None or not found.is_usable:
            found = _senders[key] = SenderHandle(settings)
        return found


def hurry(run_dir: str) -> bool:
    """Have what the folder holds sent at once. Whether a sender of this process is there for it."""
    with _senders_lock:
        handles = [handle for handle in _senders.values() if handle.is_usable]
    for handle in handles:
        handle.hurry(run_dir)
    return bool(handles)


def shut_down(timeout_s: float) -> None:
    """Let the senders end when they are done; waits at most `timeout_s` for that."""
    deadline = time.monotonic() + timeout_s
    with _senders_lock:
        closing = list(_senders.values())
        _senders.clear()
    for handle in closing:
        handle.close(max(0.0, deadline - time.monotonic()))


def measure_folder(run_dir: str, state: State, message: str | None = None) -> Progress:
    """How far the folder is sent, from what lies in it."""
    from steelyard.sdk.sender.tail import RunTail

    tail = RunTail(run_dir)
    with contextlib.suppress(OSError):  # the folder was removed
        tail.refresh()
        tail.read_acknowledged(None)
    return Progress(state, tail.acknowledged, tail.total, 0, message)


def _spawn(stdin: int, stdout: int) -> int:
    from steelyard.sdk.settings import read_environ

    environ = {name: value for name, value in read_environ().items() if name not in KEY_VARIABLES}
    boot = ["-I", "-S", "-X", "frozen_modules", "-c", BOOT]
    arguments = [sys.executable, *boot, PACKAGES_DIR, str(os.getsid(0))]
    actions = (
        (os.POSIX_SPAWN_DUP2, stdin, 0),
        (os.POSIX_SPAWN_DUP2, stdout, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    )
    options: dict[str, Any] = {"file_actions": actions, "setsigmask": ()}
    try:
        return os.posix_spawn(sys.executable, arguments, environ, setsid=True, **options)
    except NotImplementedError:  # BOOT does it, a little later
        return os.posix_spawn(sys.executable, arguments, environ, **options)


def _above_standard(fd: int) -> int:
    """The pipe under a number above 2: scripts run with standard streams closed, too."""
    if fd > 2:
        return fd
    import fcntl

    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved


def _library_paths() -> list[str]:
    """Where the sender may find libraries: the directories of installed packages first, so that a
    script's neighbour called `psutil.py` is not taken for the library."""
    paths = [entry for entry in sys.path if isinstance(entry, str) and os.path.isabs(entry)]  # noqa: PTH117  # light
    return sorted(paths, key=lambda entry: not entry.endswith(("site-packages", "dist-packages")))


def _find_key_source(key: str | None, environ: dict[str, str]) -> str:
    """Where the key is from, in words: the server may refuse it."""
    for name in KEY_VARIABLES:
        if key and environ.get(name) == key:
            return f"the environment variable {name}"
    return "a settings file, the netrc file or an argument"


def _print_notice(level: str, text: str) -> None:
    from steelyard.sdk.terminal import say

    say(text, level=level)

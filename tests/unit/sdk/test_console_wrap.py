"""What Python code prints is captured: whole, once, in order, and without getting in its way."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.limits import CONSOLE_RECORD_CHARS_MAX
from steelyard.sdk.console import Console
from steelyard.sdk.console_wrap import renew_taps
from tests.support.console_scripts import Script, run_script


class Captured(list[tuple[str, str]]):
    """An `on_text` that keeps what it gets."""

    def __call__(self, stream: str, text: str) -> None:
        self.append((stream, text))

    @property
    def text(self) -> str:
        return "".join(text for _, text in self)


def own_streams(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Standard streams of the type that a process has, until the end of the test.

    Not a fixture: pytest puts its own streams in place again before it calls the test.
    """
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        monkeypatch.setattr(sys, name, stream)
    return sys.stdout, sys.stderr


def test_one_print_is_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = own_streams(monkeypatch)
    captured = Captured()
    console = Console.install(captured)
    print("loss", 0.5)
    print("careful", file=sys.stderr)
    assert captured == [("stdout", "loss 0.5\n"), ("stderr", "careful\n")]
    console.uninstall()
    assert streams[0].buffer.getvalue() == b"loss 0.5\n"


def test_the_beginning_of_a_line_is_passed_on_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    captured = Captured()
    console = Console.install(captured)
    sys.stdout.write("done\nno line end")
    assert captured == [("stdout", "done\n")]
    console.uninstall()
    console.uninstall()
    assert captured.text == "done\nno line end"


def test_nothing_is_captured_after_the_end_and_the_stream_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own_streams(monkeypatch)
    captured = Captured()
    Console.install(captured).uninstall()
    print("later")
    assert captured == []
    assert "write" not in vars(sys.stdout)


def test_a_write_that_somebody_replaced_before_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    seen: list[str] = []
    theirs = seen.append
    sys.stdout.write = theirs  # type: ignore[method-assign,assignment]
    captured = Captured()
    console = Console.install(captured)
    print("hello")
    console.uninstall()
    assert sys.stdout.write is theirs
    assert "".join(seen) == captured.text == "hello\n"


def test_a_write_that_somebody_replaced_after_stays_and_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = own_streams(monkeypatch)
    captured, again = Captured(), Captured()
    console = Console.install(captured)
    ours = sys.stdout.write
    sys.stdout.write = lambda text: ours(text.upper())  # type: ignore[method-assign,assignment]
    print("a")
    console.uninstall()
    print("b")
    second = Console.install(again)
    print("c")
    second.uninstall()
    assert (captured.text, again.text) == ("A\n", "C\n")
    assert streams[0].buffer.getvalue() == b"A\nB\nC\n"


def test_a_write_that_somebody_puts_back_over_ours_is_replaced_again_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = own_streams(monkeypatch)
    captured = Captured()
    before = sys.stdout.write
    console = Console.install(captured)
    print("a")
    sys.stdout.write = before  # type: ignore[method-assign]  # as IPython 9 does after each cell
    print("lost")
    renew_taps()
    renew_taps()
    print("b")
    ours = sys.stdout.write
    sys.stdout.write = lambda text: ours(text)  # type: ignore[method-assign,assignment]
    renew_taps()
    print("c")
    console.uninstall()
    print("d")
    assert captured.text == "a\nb\nc\n"
    assert streams[0].buffer.getvalue() == b"a\nlost\nb\nc\nd\n"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_runs_capture_both_and_leave_in_any_order(
    monkeypatch: pytest.MonkeyPatch, order: tuple[int, int]
) -> None:
    own_streams(monkeypatch)
    captured = [Captured(), Captured()]
    consoles = [Console.install(each) for each in captured]
    print("both")
    consoles[order[0]].uninstall()
    print("one")
    consoles[order[1]].uninstall()
    print("none")
    assert captured[order[0]].text == "both\n"
    assert captured[order[1]].text == "both\none\n"
    assert "write" not in vars(sys.stdout)


def test_code_that_took_the_stream_earlier_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    import logging

    handler = logging.StreamHandler(sys.stdout)
    captured = Captured()
    console = Console.install(captured)
    handler.emit(logging.makeLogRecord({"msg": "from a logger"}))
    console.uninstall()
    assert captured == [("stdout", "from a logger\n")]


def test_a_tee_to_the_same_stream_is_captured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)

    class Tee:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def write(self, text: str) -> None:
            self.inner.write(text)

        def flush(self) -> None: ...

    inside, outside = Captured(), Captured()
    first = Console.install(inside)
    monkeypatch.setattr(sys, "stderr", Tee(sys.stdout))
    second = Console.install(outside)
    print("x", file=sys.stderr)
    first.uninstall()
    second.uninstall()
    assert inside == [("stdout", "x\n")]
    assert outside == [("stderr", "x\n")]


def test_one_object_for_both_streams_is_captured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    captured = Captured()
    console = Console.install(captured)
    print("x", file=sys.stderr)
    console.uninstall()
    assert captured == [("stdout", "x\n")]


def test_a_process_without_streams_prints_nothing_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console = Console.install(Captured())
    print("nowhere")
    console.uninstall()


def test_a_closed_stream_raises_what_it_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    captured = Captured()
    console = Console.install(captured)
    sys.stdout.close()
    with pytest.raises(ValueError, match="closed file"):
        print("x")
    console.uninstall()
    assert captured == []


def test_a_stream_that_cannot_be_changed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)

    class Fixed:
        __slots__ = ()

        def write(self, text: str) -> int:
            return len(text)

    monkeypatch.setattr(sys, "stdout", Fixed())
    captured, notes = Captured(), list[str]()
    console = Console.install(captured, on_note=notes.append)
    print("x")
    print("y", file=sys.stderr)
    console.uninstall()
    assert captured == [("stderr", "y\n")]
    assert len(notes) == 1
    assert "sys.stdout" in notes[0]


def test_bytes_and_partial_writes_are_captured_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)

    class Half:
        def write(self, data: Any) -> int:
            return 3

    monkeypatch.setattr(sys, "stdout", Half())
    captured = Captured()
    console = Console.install(captured)
    sys.stdout.write("abcdef")
    sys.stdout.write(b"\xc3\xa9\xff\n")  # type: ignore[arg-type]  # some programs do
    console.uninstall()
    assert captured.text == "abcé�"


def test_what_on_text_prints_is_shown_and_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = own_streams(monkeypatch)

    def on_text(stream: str, text: str) -> None:
        pieces.append(text)
        print("about", repr(text))

    pieces: list[str] = []
    console = Console.install(on_text)
    print("x")
    console.uninstall()
    assert pieces == ["x\n"]
    assert streams[0].buffer.getvalue() == b"x\nabout 'x\\n'\n"


def test_what_on_text_raises_is_said_once_and_never_reaches_the_print(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own_streams(monkeypatch)

    def on_text(stream: str, text: str) -> None:
        raise OSError("no space")

    notes: list[str] = []
    console = Console.install(on_text, on_note=notes.append)
    print("a")
    print("b")
    console.uninstall()
    assert len(notes) == 1
    assert "no space" in notes[0]


def test_a_print_does_not_wait_for_a_lock_that_on_text_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own_streams(monkeypatch)
    lock = threading.Lock()
    is_waiting = threading.Event()
    captured = Captured()

    def on_text(stream: str, text: str) -> None:
        if text == "first\n":
            is_waiting.set()
        with lock:
            captured(stream, text)

    console = Console.install(on_text)
    with lock:
        thread = threading.Thread(target=print, args=("first",))
        thread.start()
        assert is_waiting.wait(60)
        print("second")  # would wait forever for the thread, which waits for the lock
    thread.join(60)
    console.uninstall()
    assert captured.text == "first\nsecond\n"


def test_lines_of_many_threads_arrive_whole_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    captured = Captured()
    console = Console.install(captured)

    def chatter(name: str) -> None:
        for number in range(300):
            sys.stdout.write(f"{name} {number}\n")

    threads = [threading.Thread(target=chatter, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    console.uninstall()
    lines = captured.text.splitlines()
    for name in "abcd":
        own = [line for line in lines if line.startswith(name)]
        assert own == [f"{name} {number}" for number in range(300)]
    assert len(lines) == 1200


def test_more_than_the_limit_is_shown_but_not_kept_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = own_streams(monkeypatch)
    captured, notes = Captured(), list[str]()
    console = Console.install(captured, on_note=notes.append, bytes_max=10)
    for _ in range(5):
        print("é" * 3)
    console.uninstall()
    assert captured[0] == captured[1] == ("stdout", "ééé\n")
    assert "CONSOLE_BYTES_PER_RUN_MAX" in captured[2][1]
    assert len(captured) == 3
    assert len(notes) == 1
    assert streams[0].buffer.getvalue() == ("ééé\n" * 5).encode()


def test_a_long_print_becomes_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    captured = Captured()
    console = Console.install(captured)
    text = "0123456789" * (CONSOLE_RECORD_CHARS_MAX // 4)
    print(text)
    console.uninstall()
    assert captured.text == text + "\n"
    assert max(len(piece) for _, piece in captured) == CONSOLE_RECORD_CHARS_MAX


def test_text_that_is_no_unicode_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    captured = Captured()
    console = Console.install(captured)
    print("file\udcff.txt")
    console.uninstall()
    assert captured.text == "file\\udcff.txt\n"


def test_off_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    captured = Captured()
    console = Console.install(captured, "off")
    print("x")
    console.uninstall()
    assert captured == []


def test_a_mode_that_there_is_not_is_refused() -> None:
    with pytest.raises(Invalid, match="wrap_emu"):
        Console.install(Captured(), "loud")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["stdout", "stderr"]),
            st.text(alphabet="ab\n\r\x1b[é", max_size=8),
        ),
        max_size=30,
    )
)
def test_the_pieces_of_a_stream_are_what_was_written_to_it(writes: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, io.StringIO())
        captured = Captured()
        console = Console.install(captured)
        for name, text in writes:
            getattr(sys, name).write(text)
        console.uninstall()
    for name in ("stdout", "stderr"):
        written = "".join(text for stream, text in writes if stream == name)
        assert "".join(text for stream, text in captured if stream == name) == written


def test_an_unfinished_line_is_passed_on_while_the_process_is_silent(tmp_path: Path) -> None:
    script = Script(tmp_path, "print('Loading', end='', flush=True)\nsys.stdin.read()")
    script.wait_for(lambda: script.texts == ["Loading"])
    script.finish()


def test_a_progress_bar_is_kept_raw_in_few_pieces(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "for i in range(100): sys.stderr.write(f'\\r\\x1b[32m{i}%\\x1b[0m'); sys.stderr.flush()\n"
        "console.uninstall()",
    )
    expected = "".join(f"\r\x1b[32m{i}%\x1b[0m" for i in range(100))
    assert script.text_of("stderr") == expected
    assert script.stderr.decode() == expected
    assert len(script.texts) < 50


def test_finished_lines_survive_a_kill(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "for i in range(50): print('line', i)\nos.kill(os.getpid(), signal.SIGKILL)",
        returncode=-9,
    )
    assert script.text_of("stdout") == "".join(f"line {i}\n" for i in range(50))


def test_a_traceback_is_captured(tmp_path: Path) -> None:
    script = run_script(tmp_path, "1 / 0", returncode=1)
    assert script.text_of("stderr") == script.stderr.decode()
    assert "ZeroDivisionError" in script.text_of("stderr")


@pytest.mark.parametrize("way", ["os.fork", "multiprocessing"])
def test_a_forked_child_passes_on_what_it_prints_and_nothing_of_its_parent(
    tmp_path: Path, way: str
) -> None:
    fork = {
        "os.fork": "pid = os.fork()\nif not pid: child(); os._exit(0)\nos.waitpid(pid, 0)\n",
        "multiprocessing": "import multiprocessing\n"
        "p = multiprocessing.get_context('fork').Process(target=child); p.start(); p.join()\n",
    }[way]
    script = run_script(
        tmp_path,
        "def child():\n"
        "    print('in child'); print('unfinished', end=''); time.sleep(1.5)\n"
        "sys.stdout.write('before')\n" + fork + "print(' after')\nconsole.uninstall()\n",
        # Python warns of forks in a process with threads; ours is one.
        env={"PYTHONWARNINGS": "ignore", "PATH": "/usr/bin:/bin"},
    )
    parent = "".join(k.text for k in script.kept if k.pid == script.pid and k.stream == "stdout")
    child = "".join(k.text for k in script.kept if k.pid != script.pid and k.stream == "stdout")
    assert parent == "before after\n"
    assert child == "in child\nunfinished"


def test_a_broken_pipe_is_the_scripts_own_affair(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    script = Script(
        tmp_path,
        "try:\n"
        "    for i in range(100): print('x' * 1000, flush=True)\n"
        "except BrokenPipeError: note('broken')\n"
        "console.uninstall(); os._exit(0)",
        stdout=writer,
    )
    os.close(writer)
    script.finish()
    assert script.notes == ["broken"]

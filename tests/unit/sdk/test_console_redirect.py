"""What is written to descriptors 1 and 2 is captured, and reaches its place whatever ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.console_scripts import Script, run_script

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")

EVERY_WAY = r"""
print("from print")
sys.stdout.flush()
os.write(1, b"from write\n")
subprocess.run(["echo", "from echo"], check=True)
library = ctypes.CDLL(None)
library.puts(b"from C")  # stays in a buffer of the C library while the output is a pipe
console.uninstall()
print("after")
"""

#: The relay of this process is the one that reads the other end of our standard output.
FIND_RELAY = """
def find_relay():
    own = os.readlink("/proc/self/fd/1")
    for name in os.listdir("/proc"):
        try:
            if "console_relay" in open(f"/proc/{name}/cmdline").read() and \\
                    os.readlink(f"/proc/{name}/fd/3") == own:
                return int(name)
        except OSError:
            continue
"""


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_python_c_and_child_processes_are_captured(tmp_path: Path, terminal: bool) -> None:
    script = run_script(tmp_path, EVERY_WAY, mode="redirect", terminal=terminal)
    expected = "from print\nfrom write\nfrom echo\nfrom C\n"
    assert script.text_of("stdout") == expected
    assert script.stdout.decode().replace("\r\n", "\n") == expected + "after\n"
    assert script.notes == []


def test_standard_error_is_captured_as_such(tmp_path: Path) -> None:
    script = run_script(
        tmp_path, "os.write(2, b'careful\\n'); console.uninstall()", mode="redirect"
    )
    assert (script.text_of("stderr"), script.text_of("stdout")) == ("careful\n", "")
    assert (script.stderr, script.stdout) == (b"careful\n", b"")


def test_a_terminal_stays_one_with_its_size(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "print(sys.stdout.isatty(), sys.stderr.isatty(), *os.get_terminal_size())\n"
        "for i in range(3): sys.stderr.write(f'\\r\\x1b[1m{i}'); sys.stderr.flush()\n"
        "console.uninstall()",
        mode="redirect",
        terminal=True,
    )
    assert script.text_of("stdout") == "True True 123 40\n"
    assert script.text_of("stderr") == "\r\x1b[1m0\r\x1b[1m1\r\x1b[1m2"


def test_a_pipe_is_no_terminal(tmp_path: Path) -> None:
    script = run_script(
        tmp_path, "print(sys.stdout.isatty()); console.uninstall()", mode="redirect"
    )
    assert script.text_of("stdout") == "False\n"


def test_characters_split_between_writes_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "os.write(1, b'\\xc3'); time.sleep(0.2); os.write(1, b'\\xa9\\n\\xff\\x00\\n')\n"
        "console.uninstall()",
        mode="redirect",
    )
    assert script.text_of("stdout") == "é\n\ufffd\x00\n"
    assert script.stdout == b"\xc3\xa9\n\xff\x00\n"


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_flood_arrives_whole_in_both_places(tmp_path: Path, terminal: bool) -> None:
    script = run_script(
        tmp_path,
        "for i in range(40000): print(i, 'x' * 90)\nconsole.uninstall()",
        mode="redirect",
        terminal=terminal,
    )
    expected = "".join(f"{i} {'x' * 90}\n" for i in range(40000))
    assert script.stdout.decode().replace("\r\n", "\n") == expected
    assert script.text_of("stdout") == expected


def test_c_code_that_lets_no_python_run_does_not_stop_the_process(tmp_path: Path) -> None:
    # A library called through PyDLL keeps the interpreter's lock: no thread of ours could read.
    script = run_script(
        tmp_path,
        "library = ctypes.PyDLL(None)\n"
        "assert library.write(1, b'y' * 1000000, 1000000) == 1000000\n"
        "console.uninstall()",
        mode="redirect",
    )
    assert script.stdout == b"y" * 1000000
    assert script.text_of("stdout") == "y" * 1000000


@pytest.mark.parametrize(
    ("end", "code"),
    [("os._exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", -9), ("sys.exit(2)", 2)],
)
def test_what_was_printed_reaches_its_place_however_the_process_ends(
    tmp_path: Path, end: str, code: int
) -> None:
    script = run_script(
        tmp_path,
        f"os.write(1, b'z' * 200000 + b'\\nlast')\n{end}",
        mode="redirect",
        returncode=code,
    )
    assert script.stdout == b"z" * 200000 + b"\nlast"


def test_children_print_after_the_run_and_after_their_parent(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "child = subprocess.Popen(['sh', '-c', 'echo early; read x; echo late'],\n"
        "                         stdin=subprocess.PIPE)\n"
        "time.sleep(0.5)\n"
        "console.uninstall()\n"
        "note('uninstalled')\n"
        "child.stdin.write(b'go\\n'); child.stdin.flush()\n"
        "os._exit(0)",
        mode="redirect",
    )
    assert script.notes == ["uninstalled"]
    assert script.text_of("stdout") == "early\n"
    assert script.stdout == b"early\nlate\n"


def test_a_forked_child_is_heard_by_its_parent(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "import multiprocessing\n"
        "p = multiprocessing.get_context('fork').Process(target=print, args=('in child',))\n"
        "p.start(); p.join()\n"
        "if not os.fork(): console.uninstall(); os.write(1, b'second\\n'); os._exit(0)\n"
        "os.wait()\n"
        "console.uninstall()",
        mode="redirect",
        env={"PYTHONWARNINGS": "ignore", "PATH": "/usr/bin:/bin"},
    )
    assert script.text_of("stdout") == "in child\nsecond\n"
    assert {kept.pid for kept in script.kept} == {script.pid}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_nothing_printed_is_lost_when_the_relay_is_killed(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        FIND_RELAY + "print('before', flush=True)\n"
        "time.sleep(0.5)\n"
        "through = os.readlink('/proc/self/fd/1')\n"
        "os.kill(find_relay(), signal.SIGKILL)\n"
        "for i in range(5000): os.write(1, b'%d\\n' % i)\n"
        "while os.readlink('/proc/self/fd/1') == through: time.sleep(0.01)\n"
        "print('direct', flush=True)\n"
        "console.uninstall()\n"
        "print('after')",
        mode="redirect",
    )
    lines = script.stdout.decode().splitlines()
    assert sorted(lines) == sorted(["before", *map(str, range(5000)), "direct", "after"])


def test_two_runs_share_the_descriptors_and_leave_in_any_order(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "other = Console.install(lambda stream, text: keep('other', text), 'redirect')\n"
        "os.write(1, b'both\\n'); time.sleep(0.5)\n"
        "console.uninstall()\n"
        "os.write(1, b'one\\n'); time.sleep(0.5)\n"
        "other.uninstall()\n"
        "os.write(1, b'none\\n')\n"
        "again = Console.install(lambda stream, text: keep('again', text), 'redirect')\n"
        "os.write(1, b'new\\n')\n"
        "again.uninstall()",
        mode="redirect",
    )
    assert script.text_of("stdout") == "both\n"
    assert script.text_of("other") == "both\none\n"
    assert script.text_of("again") == "new\n"
    assert script.stdout == b"both\none\nnone\nnew\n"


def test_a_descriptor_that_the_script_redirects_itself_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "daemon.log"
    script = run_script(
        tmp_path,
        f"os.write(1, b'here\\n')\n"
        f"log = os.open({str(target)!r}, os.O_WRONLY | os.O_CREAT)\n"
        "os.dup2(log, 1); os.dup2(log, 2)\n"
        "os.write(1, b'there\\n')\n"
        "time.sleep(0.5)\n"
        "console.uninstall()\n"
        "os.write(1, b'still there\\n')",
        mode="redirect",
    )
    assert script.stdout == b"here\n"
    assert target.read_bytes() == b"there\nstill there\n"


def test_a_reader_that_goes_away_ends_the_script_as_it_would(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    script = Script(
        tmp_path,
        "try:\n"
        "    while True: os.write(1, b'x' * 1000); time.sleep(0.001)\n"
        "except BrokenPipeError: note('broken'); os._exit(0)",
        mode="redirect",
        stdout=writer,
    )
    os.close(writer)
    assert os.read(reader, 10) == b"x" * 10
    os.close(reader)
    script.finish()
    assert script.notes == ["broken"]


def test_without_a_program_to_start_python_output_is_captured(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "console.uninstall()\n"
        "sys.frozen = True\n"
        "second = Console.install(keep, 'redirect', on_note=note)\n"
        "print('x')\n"
        "second.uninstall()",
        mode="off",
    )
    assert script.texts == ["x\n"]
    assert "wrap" in script.notes[0]


def test_a_closed_standard_error_is_left_out(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "os.close(2)\n"
        "console = Console.install(keep, 'redirect', on_note=note)\n"
        "os.write(1, b'x\\n')\n"
        "console.uninstall()",
        mode="off",
    )
    assert script.texts == ["x\n"]
    assert script.notes == []


def test_no_file_stays_open_and_no_child_to_wait_for(tmp_path: Path) -> None:
    script = run_script(
        tmp_path,
        "console.uninstall()\n"
        "count = len(os.listdir('/dev/fd'))\n"
        "for _ in range(3):\n"
        "    one = Console.install(keep, 'redirect'); print('x'); one.uninstall()\n"
        "note(str(len(os.listdir('/dev/fd')) - count))\n"
        "try: os.wait()\n"
        "except ChildProcessError: note('no children')",
        mode="off",
    )
    assert script.notes == ["0", "no children"]
    assert script.texts == ["x\n"] * 3

"""Console output as a terminal shows it, however the writes are cut into uploads."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.limits import CONSOLE_LINE_CHARS_MAX, CONSOLE_REWRITABLE_LINES
from steelyard.server.rooms.runs.journal_console import Console


def show(*uploads: str | list[str]) -> list[str]:
    """The lines after uploads, each of one or several writes to stdout."""
    kept, shown = None, dict[int, str]()
    for writes in uploads:
        console = Console(kept, len(shown))
        for text in [writes] if isinstance(writes, str) else writes:
            console.write("stdout", text, 0)
        for first, texts in console.list_changes(None):
            for number, text in enumerate(texts, first):
                shown[number] = msgspec.json.decode(text)["content"]
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(console.save()))
    assert sorted(shown) == list(range(len(shown)))
    return [shown[number] for number in sorted(shown)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n\n", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\n\nb", ["a", "", "", "b"]),
        ("10%\r55%\r100%\ndone", ["100%", "done"]),
        ("long line\rshort", ["shortline"]),
        ("long line\r\x1b[Kshort", ["short"]),
        ("long line\r\x1b[2Kshort", ["short"]),
        ("abcdef\x1b[3D\x1b[K", ["abc"]),
        ("abcdef\x1b[3D\x1b[1K", ["    ef"]),
        ("abc\b\bX", ["aXc"]),
        ("abc\x1b[2GX", ["aXc"]),
        ("ab\x1b[3Cc", ["ab   c"]),
        ("a\tb", ["a\tb"]),
        ("bell\x07 and \x00nul", ["bell and nul"]),
        ("\x1b]0;a title\x07text\x1b]8;;http://x\x1b\\link", ["textlink"]),
        ("\x1b[?25lhidden cursor\x1b[?25h", ["hidden cursor"]),
        ("\x1b(Bcharset\x1b=", ["charset"]),
        ("\x1b[31mred\x1b[0m", ["\x1b[31mred\x1b[0m"]),
        ("\x1b[31mred\x1b[0m\rX", ["X\x1b[31med\x1b[0m"]),
        ("plain\r\x1b[1mbold\x1b[0m", ["\x1b[1mbold\x1b[0mn"]),
        ("\x1b[31mred\n on", ["\x1b[31mred\x1b[0m", "\x1b[31m on\x1b[0m"]),
        ("\x1b[1;31mab\x1b[m\r\x1b[32mX", ["\x1b[32mX\x1b[0m\x1b[1;31mb\x1b[0m"]),
        ("bar0\nbar1\x1b[A\rBAR0\n\rBAR1\n", ["BAR0", "BAR1"]),
        ("a\nb\nc\r\x1b[2A\x1b[J", ["", "", ""]),
        ("a\nb\nc\x1b[1A\x1b[Jx", ["a", "bx", ""]),
        ("a\nb\x1b[99AX", ["aX", "b"]),
        ("a\x1b[2Bb", ["a", "", " b"]),
        ("one\x1b[Etwo", ["one", "two"]),
        ("one\ntwo\x1b[FX", ["Xne", "two"]),
        ("\u2028 is no line end", ["\u2028 is no line end"]),
    ],
)
def test_text_shows_as_in_a_terminal(text: str, lines: list[str]) -> None:
    assert show(text) == lines


def test_lines_stay_whatever_scrolls_by() -> None:
    count = 5 * CONSOLE_REWRITABLE_LINES
    numbers = [str(number) for number in range(count)]
    rewritable = count - CONSOLE_REWRITABLE_LINES + 1
    expected = [*numbers[:rewritable], "top", *numbers[rewritable + 1 :]]
    assert show("\n".join([*numbers, ""]), "\x1b[9999Atop\x1b[K") == expected
    assert show("\n" * count + "x") == [""] * count + ["x"]


def test_a_line_without_an_end_goes_on_in_the_next() -> None:
    lines = show("x" * (2 * CONSOLE_LINE_CHARS_MAX + 10), "y" * 5)
    assert [len(line) for line in lines] == [CONSOLE_LINE_CHARS_MAX, CONSOLE_LINE_CHARS_MAX, 15]


def test_a_sequence_without_an_end_does_not_swallow_what_follows() -> None:
    assert show("\x1b]0;" + "t" * 5000, "\nnext")[-1] == "next"


def test_streams_have_lines_of_their_own_with_time_label_and_level() -> None:
    console = Console(None, 7)
    console.write("stdout", "out", 1_000_000)
    console.write("stderr", "err", 2_500_000)
    console.write("stdout", "put", 9_000_000)
    ((first, texts),) = console.list_changes("rank 0")
    assert first == 7
    assert [msgspec.json.decode(text) for text in texts] == [
        {"ts": "1970-01-01T00:00:01.000000", "label": "rank 0", "content": "output"},
        {
            "level": "error",
            "ts": "1970-01-01T00:00:02.500000",
            "label": "rank 0",
            "content": "err",
        },
    ]


movements = ["\x1b[A", "\x1b[2B", "\x1b[3D", "\x1b[1C", "\x1b[5G", "\x1b[K", "\x1b[2K", "\x1b[J"]
colours = ["\x1b[31m", "\x1b[1m", "\x1b[0m", "\x1b]0;t\x07", "\x1b"]
pieces = st.sampled_from(["a", "bc", "é✓", "\n", "\r", "\r\n", "\t", "\b", *movements, *colours])


@given(st.lists(pieces, max_size=40), st.lists(st.integers(0, 120), max_size=6))
def test_any_cut_into_uploads_shows_the_same(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    uploads = [text[a:b] for a, b in pairwise(places)]
    assert show(*uploads) == show(text)

"""Console output as a terminal shows it: from what processes wrote to lines that may be rewritten.

A line feed ends a line, a carriage return goes back to its start, and the movements that progress
bars make (up, down, erase) work within the last lines. Colours stay in the text. Each stream of
each writer is a terminal of its own, as with the official client: wandb v0.31
core/internal/{terminalemulator,runconsolelogs}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from steelyard.limits import CONSOLE_LINE_CHARS_MAX, CONSOLE_REWRITABLE_LINES

STREAMS = ("stdout", "stderr")
ESCAPE_CHARS_MAX = 512  # of a sequence that does not end

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Source of the sequences: ECMA-48 sec. 5.4 (CSI) and 5.6 (OSC and its kin).
_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x08\x0a-\x1f\x7f]+)"
    r"|\x1b\[(?P<args>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|(?P<control>[\x00-\x1f\x7f])"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z")
_CELL = re.compile(r"(\x1b\[[0-9;:]*m)|([^\x1b])", re.DOTALL)
RESET = "\x1b[0m"
_RESETS = frozenset({RESET, "\x1b[m"})

#: A character and its style: the colour sequences since the last reset.
Cell = tuple[str, str]


class Line(msgspec.Struct, array_like=True):
    """A line of the console. `number` is its place in the output of the run."""

    number: int
    time_us: int
    text: str


class TerminalState(msgspec.Struct, array_like=True):
    """A terminal between two uploads: the lines it can still rewrite, and where it stands.

    `style` is that of the next character, `escape` the beginning of a sequence.
    """

    lines: list[Line] = []
    x: int = 0
    y: int = 0
    style: str = ""
    escape: str = ""


class Terminal:
    """One stream of one writer."""

    def __init__(self, state: TerminalState, next_number: Callable[[], int]) -> None:
        """`next_number` gives the place of a new line."""
        self._state = state
        self._next_number = next_number
        self.changed: dict[int, Line] = {}
        self._time_us = 0

    def write(self, text: str, time_us: int) -> None:
        """What the process wrote; it may end anywhere, also within a sequence."""
        state = self._state
        self._time_us = time_us
        text, state.escape = state.escape + text, ""
        unfinished = _UNFINISHED.search(text)
        if unfinished is not None and len(unfinished.group()) <= ESCAPE_CHARS_MAX:
            state.escape, text = unfinished.group(), text[: unfinished.start()]
        for token in _TOKEN.finditer(text):
            if token.lastgroup == "text":
                self._put(token.group())
            elif token.lastgroup == "control":
                self._control(token.group())
            elif token.lastgroup == "final":
                self._sequence(token["final"], token["args"])

    def save(self) -> TerminalState:
        """The state for the next upload."""
        state = self._state
        above = min(state.y, len(state.lines))
        size = sum(len(line.text) for line in state.lines[:above])
        while above and size > CONSOLE_LINE_CHARS_MAX:
            size -= len(state.lines.pop(0).text)
            above -= 1
            state.y -= 1
        return state

    # ---- text

    def _put(self, text: str) -> None:
        while text:
            room = CONSOLE_LINE_CHARS_MAX - self._state.x
            if room <= 0:
                self._feed()
                continue
            self._put_within(text[:room])
            text = text[room:]

    def _put_within(self, text: str) -> None:
        state, line = self._state, self._line()
        stop = state.x + len(text)
        if not state.style and "\x1b" not in line.text:
            padded = line.text.ljust(state.x)
            line.text = padded[: state.x] + text + padded[stop:]
        else:
            cells = _parse_cells(line.text)
            cells += [("", " ")] * (state.x - len(cells))
            cells[state.x : stop] = [(state.style, char) for char in text]
            line.text = _render(cells)
        state.x = stop

    def _line(self) -> Line:
        """The line the cursor is in, which is changed now; lines above it are made as well."""
        lines = self._state.lines
        while self._state.y >= len(lines):
            lines.append(self._note(Line(self._next_number(), self._time_us, "")))
        return self._note(lines[self._state.y])

    def _note(self, line: Line) -> Line:
        self.changed[line.number] = line
        return line

    # ---- movements

    def _control(self, char: str) -> None:
        state = self._state
        if char == "\n":
            self._feed()
        elif char == "\r":
            state.x = 0
        elif char == "\b":
            state.x = max(state.x - 1, 0)

    def _feed(self) -> None:
        self._state.x = 0
        self._down(1)

    def _down(self, count: int) -> None:
        state = self._state
        for _ in range(min(count, CONSOLE_REWRITABLE_LINES)):
            state.y += 1
            if state.y >= CONSOLE_REWRITABLE_LINES:
                state.y -= 1
                self._line()  # empty lines count as well
                state.lines.pop(0)

    def _sequence(self, final: str, args: str) -> None:
        state = self._state
        if final == "m":
            self._restyle(f"\x1b[{args}m")
            return
        number = int(args) if args.isascii() and args.isdigit() else None
        count = min(max(number or 1, 1), CONSOLE_LINE_CHARS_MAX)
        if final in "AF":
            state.y = max(state.y - count, 0)
        elif final in "BE":
            self._down(count)
        elif final == "C":
            state.x = min(state.x + count, CONSOLE_LINE_CHARS_MAX)
        elif final == "D":
            state.x = max(state.x - count, 0)
        elif final == "G":
            state.x = count - 1
        elif final == "K":
            self._erase_line(number or 0)
        elif final == "J" and not number:
            self._erase_line(0)
            for line in state.lines[state.y + 1 :]:
                self._note(line).text = ""
        if final in "EF":
            state.x = 0

    def _restyle(self, sequence: str) -> None:
        state = self._state
        if sequence in _RESETS:
            state.style = ""
        elif len(state.style) + len(sequence) <= ESCAPE_CHARS_MAX:
            state.style += sequence

    def _erase_line(self, part: int) -> None:
        """0: from the cursor on, 1: up to it, 2: all."""
        state = self._state
        if state.y >= len(state.lines):
            return
        line = self._line()
        if part == 2 or (part == 0 and state.x == 0):
            line.text = ""
            return
        cells = _parse_cells(line.text)
        if part == 0:
            line.text = _render(cells[: state.x])
        elif part == 1:
            kept = cells[state.x + 1 :]
            line.text = _render([("", " ")] * (len(cells) - len(kept)) + kept)


def _parse_cells(text: str) -> list[Cell]:
    """What `_render` made a text of."""
    cells: list[Cell] = []
    style = ""
    for sequence, char in _CELL.findall(text):
        if char:
            cells.append((style, char))
        else:
            style = "" if sequence in _RESETS else style + sequence
    return cells


def _render(cells: Iterable[Cell]) -> str:
    """The text with colour sequences where the style changes; none is left on at its end."""
    parts: list[str] = []
    style = ""
    for own, char in cells:
        if own != style:
            parts.append(RESET + own if style else own)
            style = own
        parts.append(char)
    if style:
        parts.append(RESET)
    return "".join(parts)


def encode_console_line(line: Line, *, stream: str, label: str | None) -> str:
    """The line as the official client sends it, see `columns.console.parse_console_line`."""
    written_at = _EPOCH + timedelta(microseconds=line.time_us)
    entry: dict[str, Any] = {"level": "error"} if stream == "stderr" else {}
    entry["ts"] = written_at.replace(tzinfo=None).isoformat(timespec="microseconds")
    if label:
        entry["label"] = label
    entry["content"] = line.text
    return msgspec.json.encode(entry).decode()


class Console:
    """The terminals of one writer while records are applied."""

    def __init__(self, kept: Any, line_count: int) -> None:
        """`kept` is what `save` gave, None at first; `line_count` that of the run so far."""
        states = msgspec.convert(kept or {}, dict[str, TerminalState])
        self._next = line_count
        self._terminals = {
            stream: Terminal(states.get(stream, TerminalState()), self._take_number)
            for stream in STREAMS
        }

    def write(self, stream: str, text: str, time_us: int) -> None:
        self._terminals[stream].write(text, time_us)

    def save(self) -> Any:
        """What the constructor reads, in types of msgpack."""
        return {stream: msgspec.to_builtins(one.save()) for stream, one in self._terminals.items()}

    def list_changes(self, label: str | None) -> list[tuple[int, list[str]]]:
        """(number of the first, texts) of lines that follow each other and have changed."""
        texts = {
            number: encode_console_line(line, stream=stream, label=label)
            for stream, terminal in self._terminals.items()
            for number, line in terminal.changed.items()
        }
        blocks: list[tuple[int, list[str]]] = []
        for number in sorted(texts):
            if blocks and blocks[-1][0] + len(blocks[-1][1]) == number:
                blocks[-1][1].append(texts[number])
            else:
                blocks.append((number, [texts[number]]))
        return blocks

    def _take_number(self) -> int:
        self._next += 1
        return self._next - 1

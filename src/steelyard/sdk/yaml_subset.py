"""The part of YAML that config files use, without a YAML library.

Block maps and lists, flow maps and lists, plain and quoted scalars, `|` and `>` text, comments.
Anchors, tags, several documents and plain scalars over several lines are refused, with the line.

Scalars mean what they mean to wandb's users: 1e-3 is a number as in YAML 1.2, `yes` and `on` are
true as in YAML 1.1. Keys are strings.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from steelyard.errors import Invalid
from steelyard.limits import YAML_DEPTH_MAX

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
BOOLS = {
    form: value
    for word, value in _BOOL_WORDS.items()
    for form in (word, word.capitalize(), word.upper())
}
INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
OTHER_BASE = re.compile(r"([-+]?)0(?:x([0-9a-fA-F_]+)|b([01_]+)|o?([0-7_]+))")
FLOAT = re.compile(r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
BLANKS = " \t\r"  # YAML 1.2: no other white space separates
SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
ESCAPES = {
    **{"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"},
    **{"e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0"},
}
HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}
NOT_UNDERSTOOD = {
    "&": "anchors (&)",
    "*": "references (*)",
    "!": "tags (!)",
    "%": "a value that starts with %; quote it",
    "@": "a value that starts with @; quote it",
    "`": "a value that starts with `; quote it",
    "?": "keys of several lines (?)",
}


def parse_yaml(text: str, *, name: str) -> Any:
    """The value of a YAML text; None when it is empty. Raises Invalid naming `name` and line."""
    return _Parser(text, name).parse()


def parse_scalar(word: str) -> Any:
    """What a plain scalar means: None, bool, int, float or the text itself."""
    if word in NULLS:
        return None
    if word in BOOLS:
        return BOOLS[word]
    if INT.fullmatch(word):
        return int(word.replace("_", ""))
    if match := OTHER_BASE.fullmatch(word):
        sign, hexadecimal, binary, octal = match.groups()
        digits, base = next(
            (d, b) for d, b in ((hexadecimal, 16), (binary, 2), (octal, 8)) if d is not None
        )
        return int(sign + digits.replace("_", ""), base)
    if FLOAT.fullmatch(word):
        return float(word.replace("_", ""))
    if match := SPECIAL_FLOAT.fullmatch(word):
        return float("nan") if match[3] else float(f"{match[1]}inf")
    return word


class _Parser:
    """Walks over lines; `at` is the index of the next one."""

    def __init__(self, text: str, name: str) -> None:
        self.lines = text.splitlines()
        self.name = name
        self.at = 0
        self.depth = 0

    def parse(self) -> Any:
        if self._find_content() is not None and re.fullmatch(
            r"---[ \t\r]*(#.*)?", self.lines[self.at]
        ):
            self.at += 1
        if self._find_content() is None:
            return None
        value = self._parse_block(0)
        if self._find_content() is not None:
            self._refuse("this line belongs to nothing above; look at its indentation")
        return value

    def _refuse(self, what: str, line: int | None = None) -> NoReturn:
        number = min(self.at if line is None else line, len(self.lines) - 1)
        shown = self.lines[number].strip(BLANKS)[:80]
        raise Invalid(f"{self.name} line {number + 1}: {what}: {shown!r}")

    def _find_content(self) -> int | None:
        """Go to the next line with content; its indentation, or None at the end."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            stripped = line.strip(BLANKS)
            if stripped == "...":
                self.lines = self.lines[: self.at]
                return None
            if stripped and stripped[0] != "#":
                indent = len(line) - len(line.lstrip(" "))
                if line[indent] == "\t":
                    self._refuse("indentation is made of spaces, this has a tab")
                if self.at > 0 and indent == 0 and stripped == "---" and self._had_content():
                    self._refuse("a second document (---) is not understood here")
                return indent
            self.at += 1
        return None

    def _had_content(self) -> bool:
        return any(
            part.strip(BLANKS) and part.strip(BLANKS)[0] != "#" for part in self.lines[: self.at]
        )

    def _parse_block(self, indent_min: int) -> Any:
        """The node that begins at the next line; it is indented by `indent_min` or more."""
        indent = self._find_content()
        if indent is None or indent < indent_min:
            return None
        self.depth += 1
        if self.depth > YAML_DEPTH_MAX:
            self._refuse(f"more than {YAML_DEPTH_MAX} levels")
        content = self.lines[self.at][indent:]
        value: Any
        if content == "-" or content.startswith("- "):
            value = self._parse_list(indent)
        elif self._split_key(content) is not None:
            value = self._parse_map(indent)
        else:
            value = self._parse_value(content, indent, indent)
        self.depth -= 1
        return value

    def _parse_list(self, indent: int) -> list[Any]:
        items: list[Any] = []
        while self._find_content() == indent:
            line = self.lines[self.at]
            content = line[indent:]
            if not (content == "-" or content.startswith("- ")):
                break
            rest = content[1:].lstrip(" ")
            if not rest or rest[0] == "#":
                self.at += 1
                items.append(self._parse_block(indent + 1))
            elif rest.startswith("- ") or rest == "-" or self._split_key(rest) is not None:
                # A node within the line of its dash: the same node further in, on a line alone.
                inner = len(line) - len(rest)
                self.lines[self.at] = " " * inner + rest
                items.append(self._parse_block(inner))
            else:
                items.append(self._parse_value(rest, indent, len(line) - len(rest)))
        return items

    def _parse_map(self, indent: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while self._find_content() == indent:
            line = self.lines[self.at]
            split = self._split_key(line[indent:])
            if split is None:
                self._refuse("`key: value` is wanted")
            key, rest = split
            if key in items:
                self._refuse(f"key {key!r} is here for the second time")
            if key == "<<":
                self._refuse("merges (<<) are not understood; write the keys out")
            if rest and rest[0] != "#":
                items[key] = self._parse_value(rest, indent, len(line) - len(rest))
                continue
            self.at += 1
            inner = self._find_content()
            is_list = inner == indent and self.lines[self.at][indent:].startswith(("- ", "-"))
            items[key] = self._parse_block(indent if is_list else indent + 1)
        if (inner := self._find_content()) is not None and inner > indent:
            self._refuse("this is indented deeper than what it follows")
        return items

    def _split_key(self, content: str) -> tuple[str, str] | None:
        """(key, what follows the colon) of `key: value`, or None when it is no such."""
        if content[0] in "\"'":
            key, end = self._parse_quoted(self.at, len(self.lines[self.at]) - len(content))
            rest = self.lines[self.at][end:].lstrip(" ")
            if rest[:1] != ":" or rest[1:2] not in ("", " "):
                return None
            return key, rest[1:].strip(" ")
        if content[0] in "[{":
            return None
        for match in re.finditer(r":(?= |$)| #", content):
            if match[0] == " #":
                return None
            key = content[: match.start()].strip(BLANKS)
            if key[:1] in NOT_UNDERSTOOD:
                self._refuse(f"{NOT_UNDERSTOOD[key[0]]} are not understood")
            return key, content[match.end() :].strip(" ")
        return None

    def _parse_value(self, rest: str, indent: int, column: int) -> Any:
        """The value that begins at `column` of this line; goes to the line after it."""
        if rest[0] in "|>":
            return self._parse_text(rest, indent)
        if rest[0] in NOT_UNDERSTOOD and not (rest[0] == "?" and rest[1:2].strip(BLANKS)):
            self._refuse(f"{NOT_UNDERSTOOD[rest[0]]} are not understood")
        if rest[0] in "[{":
            value, end = self._parse_flow(column, 0)
        elif rest[0] in "\"'":
            value, end = self._parse_quoted(self.at, column)
        else:
            word = rest.partition(" #")[0].rstrip(BLANKS)
            if re.search(r":( |$)", word):
                self._refuse("a second colon; quote the value")
            self.at += 1
            inner = self._find_content()
            if inner is not None and inner > indent and column > 0:
                self._refuse("a plain value goes on over several lines; quote it or use |")
            return parse_scalar(word)
        after = self.lines[self.at][end:].strip(BLANKS)
        if after and after[0] != "#":
            self._refuse("something follows the value")
        self.at += 1
        return value

    def _parse_text(self, rest: str, indent: int) -> str:
        """A block scalar: | keeps line ends, > turns them into spaces."""
        match = re.fullmatch(r"([|>])([-+]?)[ \t\r]*(#.*)?", rest)
        if match is None:
            self._refuse("| or >, then - or + or nothing, is wanted")
        self.at += 1
        begin = self.at
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip(BLANKS) and len(line) - len(line.lstrip(" ")) <= indent:
                break
            self.at += 1
        block = self.lines[begin : self.at]
        inner = min((len(x) - len(x.lstrip(" ")) for x in block if x.strip(BLANKS)), default=0)
        lines = [line[inner:].rstrip("\r") for line in block]
        end = len(lines)
        while end and not lines[end - 1].strip(BLANKS):
            end -= 1
        kept, blank = lines[:end], len(lines) - end
        text = "\n".join(kept) if match[1] == "|" else _fold(kept)
        if not kept:
            return "\n" * blank if match[2] == "+" else ""
        return text + {"-": "", "": "\n", "+": "\n" * (blank + 1)}[match[2]]

    def _parse_quoted(self, line: int, column: int) -> tuple[str, int]:
        """(text, column after it) of a quoted scalar, which ends on its line."""
        text = self.lines[line]
        quote = text[column]
        parts: list[str] = []
        at = column + 1
        while at < len(text):
            char = text[at]
            if char == quote == "'" and text[at + 1 : at + 2] == "'":
                parts.append("'")
                at += 2
            elif char == quote:
                return "".join(parts), at + 1
            elif char == "\\" and quote == '"':
                piece, at = self._parse_escape(text, at + 1)
                parts.append(piece)
            else:
                parts.append(char)
                at += 1
        self._refuse(f"the closing {quote} is missing on this line", line)

    def _parse_escape(self, text: str, at: int) -> tuple[str, int]:
        letter = text[at : at + 1]
        if letter in ESCAPES:
            return ESCAPES[letter], at + 1
        if length := HEX_ESCAPES.get(letter):
            digits = text[at + 1 : at + 1 + length]
            if re.fullmatch(f"[0-9a-fA-F]{{{length}}}", digits) and int(digits, 16) <= 0x10FFFF:
                return chr(int(digits, 16)), at + 1 + length
        self._refuse(f"\\{letter} is no escape")

    def _parse_flow(self, column: int, depth: int) -> tuple[Any, int]:
        """(value, column after it) of [ … ] or { … }, which may go on over lines."""
        if depth > YAML_DEPTH_MAX:
            self._refuse(f"more than {YAML_DEPTH_MAX} levels")
        opening = self.lines[self.at][column]
        closing = "]" if opening == "[" else "}"
        items: list[Any] = []
        pairs: dict[str, Any] = {}
        column = self._skip_flow_space(column + 1)
        while self.lines[self.at][column] != closing:
            if opening == "[":
                value, column = self._parse_flow_node(column, depth)
                items.append(value)
            else:
                key, column = self._parse_flow_node(column, depth, is_key=True)
                if key in pairs:
                    self._refuse(f"key {key!r} is here for the second time")
                column = self._skip_flow_space(column)
                pairs[key] = None
                if self.lines[self.at][column] == ":":
                    column = self._skip_flow_space(column + 1)
                    if self.lines[self.at][column] not in ",}":
                        pairs[key], column = self._parse_flow_node(column, depth)
            column = self._skip_flow_space(column)
            char = self.lines[self.at][column]
            if char == ",":
                column = self._skip_flow_space(column + 1)
            elif char != closing:
                self._refuse(f"a comma or {closing} is wanted")
        return (items if opening == "[" else pairs), column + 1

    def _parse_flow_node(self, column: int, depth: int, *, is_key: bool = False) -> tuple[Any, int]:
        line = self.lines[self.at]
        char = line[column]
        if char in "[{" and not is_key:
            return self._parse_flow(column, depth + 1)
        if char in "\"'":
            return self._parse_quoted(self.at, column)
        if char in NOT_UNDERSTOOD:
            self._refuse(f"{NOT_UNDERSTOOD[char]} are not understood")
        match = re.compile(r"(?:[^,\[\]{}:#]|:(?![ \t\r,\[\]{}]|$)|(?<![ \t])#)+").match(
            line, column
        )
        if match is None:
            self._refuse("a value is wanted")
        word = match[0].strip(BLANKS)
        return (word if is_key else parse_scalar(word)), match.end()

    def _skip_flow_space(self, column: int) -> int:
        """The column of the next character that counts, on this line or a later one."""
        begin = self.at
        while True:
            line = self.lines[self.at]
            while column < len(line) and line[column] in " \t":
                column += 1
            if column < len(line) and line[column] != "#":
                return column
            if self.at + 1 >= len(self.lines):
                self._refuse("the closing bracket is missing", begin)
            self.at += 1
            column = 0


def _fold(lines: list[str]) -> str:
    """Lines as > joins them: one line end is a space, more are kept but one."""
    text, pending = "", 0
    for number, line in enumerate(lines):
        if not line.strip(BLANKS):
            pending += 1
            continue
        if number:
            text += "\n" * pending if pending else (" " if text else "")
        text += line
        pending = 0
    return text

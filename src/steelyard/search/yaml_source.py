"""YAML (and with it JSON) as values with the place in the text where each of them stands.

PyYAML finds the structure; what a plain word means is decided here: `1e-6` is a number as in
YAML 1.2 (PyYAML says text), `yes` and `on` are true as in YAML 1.1 and for W&B's users, and dates
stay text. A key that stands twice is an error: PyYAML would silently drop the first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import SWEEP_CONFIG_CHARS_MAX, SWEEP_CONFIG_NODES_MAX, YAML_DEPTH_MAX

Path = tuple[str | int, ...]

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
BOOLS = {
    form: value
    for word, value in _BOOL_WORDS.items()
    for form in (word, word.capitalize(), word.upper())
}
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
OTHER_BASE = re.compile(r"[-+]?0(?:x[0-9a-fA-F_]+|b[01_]+|o?[0-7_]+)")
FLOAT = re.compile(r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?")
SPECIAL_FLOATS = {
    **{
        f"{sign}.{word}": float(f"{sign}inf")
        for sign in ("", "+", "-")
        for word in ("inf", "Inf", "INF")
    },
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
INTEGER_CHARS_MAX = 400  # longer ones are not what anybody searches


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value stands, in characters from the start of the text; `line` counts from 1.

    `key_start` and `key_end` are the key before it, both -1 for an item of a list. `shared` says
    that it stands in an anchor and is used several times.
    """

    line: int
    start: int
    end: int
    key_start: int = -1
    key_end: int = -1
    shared: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration as values, and where they stand. A dict has no text and no places."""

    value: Any
    text: str | None = None
    places: dict[Path, Place] = {}


class SourceError(Invalid):
    """A text that is no YAML, or YAML that no configuration needs; `line` counts from 1."""

    code = "invalid_yaml"

    def __init__(self, message: str, *, line: int | None, suggestion: str | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.reason: str = message
        self.line: int | None = line
        self.suggestion: str | None = suggestion


def read_yaml(text: str) -> Source:
    """The value of a YAML text with its places. Raises SourceError."""
    import yaml  # 20 ms: only for whoever reads a text

    if len(text) > SWEEP_CONFIG_CHARS_MAX:
        raise SourceError(
            f"the configuration has {len(text):,} characters; "
            f"the limit SWEEP_CONFIG_CHARS_MAX is {SWEEP_CONFIG_CHARS_MAX:,}",
            line=None,
        )
    try:
        node = _compose(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SourceError(
            f"a character that YAML does not allow: {error.reason}", line=line
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(text, error) from None
    except RecursionError:
        raise SourceError(f"nested deeper than {YAML_DEPTH_MAX} levels", line=None) from None
    walker = _Walker(text)
    return Source(
        value=None if node is None else walker.value(node, (), depth=0),
        text=text,
        places=walker.places,
    )


def read_mapping(given: Mapping[str, Any]) -> Source:
    """A configuration given as a dict: copied into plain dicts, lists, numbers, text.

    Raises SourceError for what YAML could not hold, so that dict and YAML mean the same.
    """
    return Source(value=_plain(given, (), depth=0))


def scalar_of(word: str) -> Any:
    """What an unquoted word means: None, bool, int, float, or the text itself."""
    if word in NULLS:
        return None
    if word in BOOLS:
        return BOOLS[word]
    if word in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[word]
    if len(word) > INTEGER_CHARS_MAX:
        return word
    if INTEGER.fullmatch(word):
        return int(word.replace("_", ""))
    if OTHER_BASE.fullmatch(word):
        digits = word.replace("_", "")
        is_old_octal = re.fullmatch(r"[-+]?0[0-7]+", digits)
        return int(digits, 8 if is_old_octal else 0)
    if FLOAT.fullmatch(word) and not word.isdigit():  # 08 is text, as PyYAML has it
        return float(word.replace("_", ""))
    return word


def path_text(path: Path) -> str:
    """A path as people write it: parameters.lr.values[2]."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _compose(text: str) -> Any:
    import yaml
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.resolver import BaseResolver
    from yaml.scanner import Scanner

    class Loader(Reader, Scanner, Parser, Composer, BaseResolver):
        def __init__(self) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)
            BaseResolver.__init__(self)

        def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
            if kind is not yaml.ScalarNode:
                return "collection"
            return "plain" if implicit[0] else "quoted"

    return Loader().get_single_node()


class _Walker:
    """Makes values of PyYAML's nodes, and writes down their places."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: dict[Path, Place] = {}
        self.node_count = 0
        self.seen: set[int] = set()
        self.open: set[int] = set()

    def value(self, node: Any, path: Path, *, depth: int, key: Any = None) -> Any:
        line = node.start_mark.line + 1
        self.node_count += 1
        if depth > YAML_DEPTH_MAX:
            raise SourceError(f"nested deeper than {YAML_DEPTH_MAX} levels", line=line)
        if self.node_count > SWEEP_CONFIG_NODES_MAX:
            raise SourceError(
                "the configuration has too many values (references to anchors counted each "
                f"time); the limit SWEEP_CONFIG_NODES_MAX is {SWEEP_CONFIG_NODES_MAX:,}",
                line=line,
            )
        if id(node) in self.open:
            raise SourceError("an anchor that contains itself", line=line)
        self._note(node, path, key)
        if node.id == "scalar":
            return self._scalar(node)
        self.open.add(id(node))
        try:
            if node.tag not in ("collection", f"tag:yaml.org,2002:{_TAGS[node.id]}"):
                raise SourceError(f"the tag {node.tag!r} means nothing here", line=line)
            if node.id == "sequence":
                return [
                    self.value(item, (*path, at), depth=depth + 1)
                    for at, item in enumerate(node.value)
                ]
            return self._mapping(node, path, depth)
        finally:
            self.open.discard(id(node))

    def _note(self, node: Any, path: Path, key: Any) -> None:
        shared = id(node) in self.seen
        self.seen.add(id(node))
        mark = node.start_mark if key is None else key.start_mark
        self.places[path] = Place(
            line=mark.line + 1,
            start=node.start_mark.index,
            end=node.end_mark.index,
            key_start=-1 if key is None else key.start_mark.index,
            key_end=-1 if key is None else key.end_mark.index,
            shared=shared,
        )

    def _mapping(self, node: Any, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged = []
        for key, item in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar":
                raise SourceError("a key is a word, not a list or a map", line=line)
            if key.tag == "plain" and key.value == "<<":
                merged.append(item)
                continue
            name = _with_whole_characters(key.value, line)
            if name in lines:
                where = path_text((*path, name))
                raise SourceError(
                    f"{where} stands here and on line {lines[name]}",
                    line=line,
                    suggestion=f"remove one of the two {name!r}",
                )
            lines[name] = line
            found[name] = self.value(item, (*path, name), depth=depth + 1, key=key)
        for item in merged:
            self._merge(item, path, depth, found)
        return found

    def _merge(self, node: Any, path: Path, depth: int, found: dict[str, Any]) -> None:
        """`<<: *base`: what the map does not say itself comes from the others, the first first."""
        for each in node.value if node.id == "sequence" else [node]:
            if each.id != "mapping":
                raise SourceError("<< takes a map", line=each.start_mark.line + 1)
            inner = _Walker(self.text)
            inner.node_count, inner.open = self.node_count, set(self.open)
            inherited = inner.value(each, path, depth=depth + 1)
            self.node_count = inner.node_count
            for name, item in inherited.items():
                if name in found:
                    continue
                found[name] = item
                for other, place in inner.places.items():
                    if other[: len(path) + 1] == (*path, name):
                        self.places[other] = msgspec.structs.replace(place, shared=True)

    def _scalar(self, node: Any) -> Any:
        if node.tag == "plain":
            return scalar_of(node.value)
        if node.tag == "quoted":
            return _with_whole_characters(node.value, node.start_mark.line + 1)
        convert = _CONVERSIONS.get(node.tag.removeprefix("tag:yaml.org,2002:"))
        line = node.start_mark.line + 1
        if convert is None:
            raise SourceError(f"the tag {node.tag!r} means nothing here", line=line)
        try:
            return convert(node.value)
        except (KeyError, ValueError):
            raise SourceError(
                f"{node.value!r} does not fit its tag {node.tag!r}", line=line
            ) from None


def _with_whole_characters(text: str, line: int | None) -> str:
    """JSON writes characters beyond 16 bits as two escapes, which PyYAML leaves apart."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise SourceError(f"half a character in {text[:40]!r}", line=line) from None


_TAGS = {"sequence": "seq", "mapping": "map", "scalar": "str"}
_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": lambda word: int(word.replace("_", ""), 0),
    "float": lambda word: float(word.replace("_", "")),
    "bool": BOOLS.__getitem__,
    "null": lambda word: None,
}


def _syntax_error(text: str, error: Any) -> SourceError:
    mark = error.problem_mark or error.context_mark
    line = None if mark is None else mark.line + 1
    reason = error.problem or "not valid YAML"
    suggestion = None
    written = "" if mark is None else (text.splitlines() or [""])[min(mark.line, text.count("\n"))]
    if "\\t" in reason or "\t" in written[: len(written) - len(written.lstrip())]:
        suggestion = "indent with spaces: YAML allows no tabs there"
    elif "${" in written:
        suggestion = 'put variables within { } in quotes: "${NAME}"'
    elif "mapping values are not allowed" in reason:
        suggestion = "check the indentation of this line and the colon of the line before"
    elif "another document" in reason:
        suggestion = "one configuration per file: remove the --- and what follows"
    elif "undefined alias" in reason:
        suggestion = "quote a text that begins with *"
    return SourceError(f"not valid YAML: {reason}", line=line, suggestion=suggestion)


def _plain(value: Any, path: Path, *, depth: int) -> Any:
    if depth > YAML_DEPTH_MAX:
        raise SourceError(f"{path_text(path)}: nested deeper than {YAML_DEPTH_MAX}", line=None)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _with_whole_characters(str(value), None)
    if isinstance(value, Mapping):
        return {
            _with_whole_characters(str(key), None): _plain(item, (*path, str(key)), depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | range):
        return [_plain(item, (*path, at), depth=depth + 1) for at, item in enumerate(value)]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    item = getattr(value, "item", None)  # numpy's numbers
    if callable(item) and getattr(value, "shape", None) == ():
        return _plain(item(), path, depth=depth + 1)
    tolist = getattr(value, "tolist", None)
    if callable(tolist) and hasattr(value, "shape"):
        return _plain(tolist(), path, depth=depth + 1)
    raise SourceError(
        f"{path_text(path)}: a {type(value).__name__} can be no part of a sweep's configuration",
        line=None,
        suggestion="use numbers, text, lists and maps; your program makes the object from them",
    )

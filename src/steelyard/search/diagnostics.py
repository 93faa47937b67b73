"""What is to be said about a configuration: where, how bad, and what to write instead."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec

from steelyard.limits import SWEEP_DIAGNOSTICS_MAX
from steelyard.search.parameter import is_number
from steelyard.search.yaml_source import Path, Source, path_text, scalar_of

NUMBER_MAX = 1e300  # sums and products of two stay finite, and longer integers fit into no float

Severity = Literal["error", "warning", "hint"]


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` of the text become `replacement`."""

    start: int
    end: int
    replacement: str


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to say about a configuration.

    Attributes:
        severity: with an error nothing is created; a warning is probably a mistake; a hint is
            something good to know.
        path: "parameters.lr.min"; "" is the configuration as a whole.
        line: counted from 1; None where there is no text (a dict was given).
        suggestion: what to write instead, as a sentence without a full stop.
        fix: edits of the text that do what the suggestion says and can do no harm; else None.
    """

    severity: Severity
    path: str
    line: int | None
    message: str
    suggestion: str | None = None
    fix: tuple[Edit, ...] | None = None

    def __str__(self) -> str:
        where = self.path or "configuration"
        line = "" if self.line is None else f" (line {self.line})"
        suggestion = "" if self.suggestion is None else f"; {self.suggestion}"
        return f"{where}{line}: {self.message}{suggestion}"


class Report:
    """Collects diagnostics; knows the lines and can make edits of the text, where there is one."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.renamed: dict[Path, str] = {}  # misspelt keys, by the path that was meant

    @property
    def has_errors(self) -> bool:
        return any(each.severity == "error" for each in self.found)

    def add(
        self,
        severity: Severity,
        path: Path,
        message: str,
        suggestion: str | None = None,
        *,
        fix: Sequence[Edit] = (),
    ) -> None:
        if len(self.found) < SWEEP_DIAGNOSTICS_MAX:
            written = self.written(path)
            diagnostic = Diagnostic(
                severity=severity,
                path=path_text(written),
                line=self._line_of(written),
                message=message,
                suggestion=suggestion,
                fix=tuple(fix) or None,
            )
            if diagnostic not in self.found:
                self.found.append(diagnostic)

    def error(
        self, path: Path, message: str, suggestion: str | None = None, *, fix: Sequence[Edit] = ()
    ) -> None:
        self.add("error", path, message, suggestion, fix=fix)

    def warn(
        self, path: Path, message: str, suggestion: str | None = None, *, fix: Sequence[Edit] = ()
    ) -> None:
        self.add("warning", path, message, suggestion, fix=fix)

    def hint(
        self, path: Path, message: str, suggestion: str | None = None, *, fix: Sequence[Edit] = ()
    ) -> None:
        self.add("hint", path, message, suggestion, fix=fix)

    def key_edit(self, path: Path, key: str) -> list[Edit]:
        """The edit that renames the key at `path`; none where the key stands in an anchor."""
        place = self.source.places.get(self.written(path))
        if place is None or place.key_start < 0 or place.shared:
            return []
        return [Edit(start=place.key_start, end=place.key_end, replacement=key)]

    def value_edit(self, path: Path, text: str) -> list[Edit]:
        """The edit that replaces the value at `path`; none where it stands in an anchor."""
        place = self.source.places.get(self.written(path))
        if place is None or place.shared or place.start == place.end:
            return []
        return [Edit(start=place.start, end=place.end, replacement=text)]

    def text_at(self, path: Path) -> str | None:
        """What stands in the text for the value at `path`."""
        place = self.source.places.get(self.written(path))
        if place is None or self.source.text is None:
            return None
        return self.source.text[place.start : place.end]

    def written(self, path: Path) -> Path:
        """The path with the keys as they are spelt in the text."""
        written: Path = ()
        for at, part in enumerate(path):
            written = (*written, self.renamed.get(path[: at + 1], part))
        return written

    def _line_of(self, path: Path) -> int | None:
        """The line of the value, or of the nearest map around it."""
        for length in range(len(path), -1, -1):
            place = self.source.places.get(path[:length])
            if place is not None:
                return place.line
        return None


class Section:
    """A map of a configuration: hands out its values, checked, and reports what is wrong.

    A misspelt key whose right spelling is absent is reported once and then read as what was meant,
    so that one slip is one error.
    """

    def __init__(
        self, report: Report, path: Path, value: Mapping[str, Any], known: Collection[str]
    ) -> None:
        self.report, self.path = report, path
        self.values: dict[str, Any] = {}
        self.unknown: list[str] = []
        for key, item in value.items():
            meant = key if key in known else self._meant(key, value, known)
            if meant is None:
                self.unknown.append(key)
            else:
                self.values[meant] = item

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def at(self, *parts: str | int) -> Path:
        return (*self.path, *parts)

    def warn_of_unknown(self, what: str, known: Collection[str]) -> None:
        """Say that the keys without a meaning have none."""
        for key in self.unknown:
            near = did_you_mean(key, known)
            self.report.warn(
                self.at(key),
                f"{what} has no {key!r}; it is kept, and has no effect",
                near or f"it knows {listing(sorted(known))}",
            )

    def text(self, key: str) -> str | None:
        value = self.get(key)
        if value is None:
            if key in self:
                self.report.error(self.at(key), "is empty", f"write a text, or remove {key}")
            return None
        if isinstance(value, str):
            if not value.strip():
                self.report.error(self.at(key), "is empty", f"write a text, or remove {key}")
                return None
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self.report.error(self.at(key), f"must be a text, not {kind_of(value)}")
        return None

    def number(
        self,
        key: str,
        *,
        above: float = -math.inf,
        least: float = -math.inf,
        most: float = math.inf,
    ) -> float | int | None:
        """A number; one in quotes is read with a warning, `1e-6` without quotes without any."""
        value = self.get(key)
        if value is None:
            if key in self:
                self.report.error(self.at(key), "is empty", f"write a number, or remove {key}")
            return None
        number = self._as_number(key, value)
        if number is None:
            return None
        if not is_searchable(number):
            what = f"is {number}" if isinstance(number, float) else "is too large"
            self.report.error(self.at(key), f"{what}, which is no number to search with")
        elif number <= above:
            self.report.error(self.at(key), f"must be above {short(above)}, not {short(number)}")
        elif number < least:
            self.report.error(self.at(key), f"must be at least {short(least)}, not {short(number)}")
        elif number > most:
            self.report.error(self.at(key), f"must be at most {short(most)}, not {short(number)}")
        else:
            return number
        return None

    def integer(self, key: str, *, least: int) -> int | None:
        number = self.number(key, least=least)
        if number is None or isinstance(number, int):
            return number
        if number.is_integer():
            return int(number)
        self.report.error(self.at(key), f"must be a whole number, not {short(number)}")
        return None

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.report.error(self.at(key), f"must be true or false, not {kind_of(value)}")
        return None

    def choice(self, key: str, options: Collection[str]) -> str | None:
        """One of `options`; a near miss is an error with a fix, and read as what was meant."""
        value = self.text(key)
        if value is None or value in options:
            return value
        word = value.strip().lower().replace("-", "_")
        matches = [option for option in options if word and option.startswith(word)][:1]
        matches = matches or difflib.get_close_matches(word, list(options), n=1)
        self.report.error(
            self.at(key),
            f"{value!r} is unknown",
            f"did you mean {matches[0]!r}?" if matches else f"it is one of {listing(options)}",
            fix=self.report.value_edit(self.at(key), matches[0]) if matches else (),
        )
        return matches[0] if matches else None

    def section(self, key: str, known: Collection[str]) -> Section | None:
        """The map at `key`, None (and an error) where there is something else."""
        value = self.get(key)
        if isinstance(value, Mapping) and value:
            return Section(self.report, self.at(key), value, known)
        if key in self:
            what = "is empty" if value in (None, {}) else f"must be a map, not {kind_of(value)}"
            self.report.error(self.at(key), what, f"its keys are {listing(known)}")
        return None

    def _meant(self, key: str, value: Mapping[str, Any], known: Collection[str]) -> str | None:
        absent = [each for each in known if each not in value and each not in self.values]
        matches = difflib.get_close_matches(key.lower().replace("-", "_"), absent, n=1, cutoff=0.75)
        if not matches:
            return None
        path = self.at(key)
        self.report.error(
            path,
            f"the key {key!r} is unknown",
            f"did you mean {matches[0]!r}?",
            fix=self.report.key_edit(path, matches[0]),
        )
        self.report.renamed[self.at(matches[0])] = key
        return matches[0]

    def _as_number(self, key: str, value: Any) -> float | int | None:
        if is_number(value):
            return value  # type: ignore[no-any-return]
        path = self.at(key)
        if isinstance(value, str):
            meant = scalar_of(value.strip())
            if is_number(meant):
                self.report.warn(
                    path,
                    f"the text {value!r} is read as the number {short(meant)}",
                    "write it without quotes",
                    fix=self.report.value_edit(path, value.strip()),
                )
                return meant  # type: ignore[no-any-return]
            if "${" in value:
                self.report.error(
                    path,
                    f"{value!r} is a variable that was not replaced",
                    "create the sweep with `steelyard sweep`, which replaces variables of the "
                    "environment, or write the number",
                )
                return None
        self.report.error(path, f"must be a number, not {kind_of(value)}")
        return None


def is_searchable(number: float | int) -> bool:
    """Neither NaN nor infinite, nor so large that it becomes infinite."""
    return abs(number) <= NUMBER_MAX


def did_you_mean(word: str, known: Collection[str], *, cutoff: float = 0.6) -> str | None:
    """A sentence that names the nearest known word, where one is near."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"did you mean {matches[0]!r}?" if matches else None


def kind_of(value: Any) -> str:
    """A value as an error quotes it: the text 'abc', a list, true."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{value}".lower()
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    return f"the number {short(value)}"


def short(value: Any) -> str:
    """A number as people write it: six digits at most, no 1e-05 for 0.00001's zeros' sake."""
    if isinstance(value, float):
        text = f"{value:.6g}"
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else text
    return str(value)


def listing(words: Collection[str]) -> str:
    return ", ".join(words)

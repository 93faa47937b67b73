"""From the bytes of a journal to records, and from their values to plain ones. Pure.

A record that makes no sense is passed over (SkippedRecord), so that the records behind it are not
held up by it for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final

import msgspec

from steelyard import limits
from steelyard.errors import DamagedRecord, Invalid, TooLarge
from steelyard.server.columns.lines import STEP_ABS_MAX
from steelyard.wire import journal

#: Types of values that need no look inside.
SCALARS: Final = frozenset({float, int, bool, str, type(None)})

TIME_US_MAX: Final = 2**62
JSON_BEGINS: Final = ord("[")
_METADATA_TEXT: Final = f"[{journal.METADATA},".encode()
_METADATA_PACKED: Final = bytes([0x94, journal.METADATA])

_decode_msgpack = msgspec.msgpack.Decoder().decode
_decode_json = msgspec.json.Decoder().decode


class SkippedRecord(Exception):
    """A record that cannot be applied, with the reason."""


class Part(msgspec.Struct, frozen=True):
    """Whole records of a writer's journal, from byte `offset` on.

    `ends` are the offsets in the journal behind each of them, `offset` before the first. They stay
    bytes until they are applied: as Python objects they would take ten times the memory.
    """

    writer: str
    offset: int
    body: bytes
    ends: list[int]
    has_metadata: bool = False

    @property
    def record_count(self) -> int:
        return len(self.ends) - 1

    def list_bodies(self, first: int = 0) -> Iterator[memoryview]:
        """The bodies of the records from number `first` on."""
        view, shift = memoryview(self.body), self.offset
        for start, end in pairwise(self.ends[first:]):
            yield view[start - shift + journal.HEADER_BYTES : end - shift]


def split_part(body: bytes, *, writer: str, offset: int) -> Part:
    """The whole records of a body that begins at byte `offset` of the journal, checked.

    A record that is cut off at the end is left out, and so is what stands behind one that is
    damaged or too large: DamagedRecord (wrong checksum) and TooLarge (JOURNAL_RECORD_BYTES_MAX)
    are raised when the body begins with it, after all before it was kept.
    """
    ends, has_metadata = [offset], False
    try:
        for end, encoded in journal.split_bodies(body):
            if len(encoded) > limits.JOURNAL_RECORD_BYTES_MAX:
                break
            ends.append(offset + end)
            has_metadata = has_metadata or is_metadata(encoded)
    except journal.DamagedJournal as error:
        if len(ends) == 1:
            raise DamagedRecord(writer, offset) from error
    if len(ends) == 1 and len(body) >= journal.HEADER_BYTES:
        length, _ = journal.HEADER.unpack_from(body, 0)
        if length > limits.JOURNAL_RECORD_BYTES_MAX:
            raise TooLarge(
                f"the record at byte {offset:,} of the journal of writer {writer!r}",
                size=length,
                limit=limits.JOURNAL_RECORD_BYTES_MAX,
                limit_name="JOURNAL_RECORD_BYTES_MAX",
            )
    return Part(writer, offset, body, ends, has_metadata)


def decode_record(encoded: memoryview) -> tuple[int, int, Any]:
    """(kind, time in µs, payload) of the body of a record. Raises SkippedRecord."""
    try:
        value = decode_text(encoded) if encoded[0] == JSON_BEGINS else _decode_msgpack(encoded)
        kind, _, time_us, payload = value
    except (msgspec.MsgspecError, ValueError, RecursionError, TypeError) as error:
        raise SkippedRecord(f"its body cannot be read ({error})") from error
    if type(kind) is not int or type(time_us) is not int:
        raise SkippedRecord("its body is not [kind, number, time, payload]")
    if not 0 <= time_us <= TIME_US_MAX:
        raise SkippedRecord(f"its time is {time_us}, no microseconds since 1970")
    return kind, time_us, payload


def is_metadata(encoded: memoryview) -> bool:
    """Whether a record is METADATA, in the spelling of our own writers, without decoding it."""
    return encoded[:3] == _METADATA_TEXT or encoded[:2] == _METADATA_PACKED


def decode_text(encoded: memoryview | bytes) -> Any:
    """The value of JSON in Python's dialect: bare NaN; halves of surrogate pairs become "?"."""
    try:
        return _decode_json(encoded)
    except msgspec.MsgspecError:
        value = json.loads(bytes(encoded).decode("utf-8", "replace"))
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(whole)


# ---- START


Step = Annotated[int, msgspec.Meta(ge=-STEP_ABS_MAX, le=STEP_ABS_MAX)]


class Point(msgspec.Struct, frozen=True):
    """A step of a run, to go on from."""

    run: str
    step: Step


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the first record of a journal says. Fields that we do not know are ignored."""

    v: int
    role: str = "process"
    resume: str | None = None
    fork_from: Point | None = None
    resume_from: Point | None = None
    step_base: Step | None = None
    step_base_min: Step = 0
    """Where the server chooses: rows up to here are still on their way from this machine."""
    display_name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    sweep: str | None = None
    label: str | None = None
    forked_from: str | None = None
    """The writer whose process is the parent of this one."""
    is_primary: bool = True
    updates_finish_state: bool = True
    client: str | None = None
    python: str | None = None
    started_at_us: Annotated[int, msgspec.Meta(ge=0, le=TIME_US_MAX)] | None = None

    @property
    def is_process(self) -> bool:
        return self.role == "process"

    @property
    def is_new(self) -> bool:
        """The run must not exist yet."""
        return self.is_process and (self.resume == "never" or self.fork_from is not None)


def read_start(encoded: memoryview) -> tuple[Start, int]:
    """(START, its time) at the beginning of a journal. Raises Invalid: it cannot do without."""
    try:
        kind, time_us, payload = decode_record(encoded)
    except SkippedRecord as error:
        raise Invalid(f"the journal does not begin with a START record: {error}") from error
    if kind != journal.START:
        raise Invalid(f"a journal begins with a START record, not with kind {kind}")
    try:
        start = msgspec.convert(payload, Start)
    except msgspec.ValidationError as error:
        raise Invalid(f"the START of the journal makes no sense: {error}") from error
    if start.v > journal.VERSION:
        raise Invalid(
            f"the journal has format {start.v}, this server reads up to {journal.VERSION}; "
            "update the server, then send it again"
        )
    if start.role not in ("process", "sender", "fork"):
        raise Invalid(f"a writer's role is process, sender or fork, not {start.role!r}")
    return start, time_us


# ---- values


def check_row(data: Any) -> dict[str, Any]:
    """The values of a row, plain. Raises SkippedRecord for what is no map with names."""
    if type(data) is not dict:
        raise SkippedRecord(f"its values are {type(data).__name__}, not a map")
    if SCALARS.issuperset(map(type, data.values())) and {str}.issuperset(map(type, data)):
        return data
    return {_name(key): plain(value) for key, value in data.items()}


def plain(value: Any, depth: int = 1) -> Any:
    """The value in types that JSON has. What is nested too deep is kept as its text."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, list):
        if depth >= limits.LINE_DEPTH_MAX:
            return _as_text(value)
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if depth >= limits.LINE_DEPTH_MAX:
            return _as_text(value)
        return {_name(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def check_map(payload: Any, what: str) -> Mapping[str, Any]:
    """The payload of a record that must be a map, plain. Raises SkippedRecord."""
    if type(payload) is not dict:
        raise SkippedRecord(f"{what} must be a map, not {type(payload).__name__}")
    return {_name(key): plain(value) for key, value in payload.items()}


def _name(key: Any) -> str:
    return key if type(key) is str else str(key)


def _as_text(value: Any) -> str:
    return json.dumps(value, default=str)

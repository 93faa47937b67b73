"""Console output of a run: lines by number, in compressed blocks.

Clients rewrite lines they sent before (progress bars), so a write sets lines; gaps are empty lines.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from contextlib import closing

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.errors import Invalid
from steelyard.patterns import compile_pattern
from steelyard.server.columns import codec
from steelyard.server.columns.interface import ConsoleLine
from steelyard.server.columns.lines import decode_line, encode_line
from steelyard.server.columns.tables import console_block
from steelyard.server.db.dialect import insert

LINES = limits.CONSOLE_BLOCK_LINES

_SELECT_BLOCKS = (
    sa.select(console_block.c.block_no, console_block.c.n, console_block.c.data)
    .where(
        console_block.c.run_id == sa.bindparam("run"),
        console_block.c.block_no >= sa.bindparam("first"),
        console_block.c.block_no <= sa.bindparam("last"),
    )
    .order_by(console_block.c.block_no)
)
_SELECT_BLOCKS_LOCKED = _SELECT_BLOCKS.with_for_update()
_SELECT_LAST = (
    sa.select(console_block.c.block_no, console_block.c.n)
    .where(console_block.c.run_id == sa.bindparam("run"))
    .order_by(console_block.c.block_no.desc())
    .limit(1)
)
# What the official client writes: a JSON object per line (0.31), before that
# "ERROR 2026-01-01T00:00:00.000000 text" for stderr and the same without the level for stdout.
_PLAIN = re.compile(
    r"(?:(ERROR|WARNING|WARN|INFO|DEBUG) )?"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?) (.*)",
    re.DOTALL,
)


class _Structured(msgspec.Struct):
    content: str
    ts: str | None = None
    level: str | None = None
    label: str | None = None


_STRUCTURED = msgspec.json.Decoder(_Structured)


def write_lines(
    conn: Connection, *, run_id: int, offset: int, lines: Sequence[str], now_us: int
) -> int:
    """Set the lines `offset`, `offset + 1`, …; lines between the end and `offset` are empty.

    Returns the line count. `now_us` is when they came; lines carry their own times.
    Raises Invalid for a negative offset, or one more than CONSOLE_GAP_LINES_MAX behind the end.
    """
    del now_us
    count = count_lines(conn, run_id)
    if offset < 0 or offset > count + limits.CONSOLE_GAP_LINES_MAX:
        raise Invalid(f"console output has {count:,} lines; it cannot go on at line {offset:,}")
    if not lines:
        return count
    texts = [encode_line(line) for line in lines]
    end = offset + len(texts)
    params = {"run": run_id, "first": offset // LINES, "last": (end - 1) // LINES}
    held = {row.block_no: _unpack(row.data) for row in conn.execute(_SELECT_BLOCKS_LOCKED, params)}
    rows = []
    for block_no in range(offset // LINES, (end - 1) // LINES + 1):
        block, start = held.get(block_no, []), block_no * LINES
        low, high = max(offset, start), min(end, start + LINES)
        block += [b""] * (low - start - len(block))
        block[low - start : high - start] = texts[low - offset : high - offset]
        rows.append({"run_id": run_id, "block_no": block_no, "n": len(block), "data": _pack(block)})
    upsert = insert(conn, console_block)
    conn.execute(
        upsert.on_conflict_do_update(
            index_elements=["run_id", "block_no"],
            set_={"n": upsert.excluded.n, "data": upsert.excluded.data},
        ),
        rows,
    )
    return max(count, end)


def count_lines(conn: Connection, run_id: int) -> int:
    last = conn.execute(_SELECT_LAST, {"run": run_id}).first()
    return 0 if last is None else int(last.block_no * LINES + last.n)


def read_lines(conn: Connection, run_id: int, *, first: int, limit: int) -> list[ConsoleLine]:
    """The lines from number `first` on; a negative `first` counts from the end."""
    count = count_lines(conn, run_id)
    first = max(first + count, 0) if first < 0 else first
    stop = min(first + limit, count)
    return [
        parse_console_line(number, text)
        for number, text in _list_texts(conn, run_id, first=first, stop=stop)
    ]


def read_raw_lines(conn: Connection, run_id: int, *, first: int, limit: int) -> list[str]:
    """As `read_lines`, the lines as they were sent."""
    stop = min(first + limit, count_lines(conn, run_id))
    return [text for _, text in _list_texts(conn, run_id, first=first, stop=stop)]


def search_lines(
    conn: Connection, run_id: int, regex: str, limit: int, *, seconds: float | None = None
) -> list[int]:
    """Numbers of the first `limit` lines whose text matches.

    Each line is searched in its first CONSOLE_LINE_CHARS_SEARCHED characters. After `seconds`
    (CONSOLE_SEARCH_S) the search ends with what it found.
    Raises Invalid for a pattern that does not compile or is too long.
    """
    pattern = compile_pattern(regex)
    until = time.monotonic() + (limits.CONSOLE_SEARCH_S if seconds is None else seconds)
    limit = min(limit, limits.LOG_SEARCH_HITS_MAX)
    hits: list[int] = []
    with closing(_list_texts(conn, run_id, first=0, stop=count_lines(conn, run_id))) as numbered:
        for number, text in numbered:
            line = parse_console_line(number, text)
            if pattern.search(line.text[: limits.CONSOLE_LINE_CHARS_SEARCHED]):
                hits.append(number)
            if len(hits) >= limit or time.monotonic() > until:
                break
    return hits


def delete_lines(conn: Connection, run_id: int) -> None:
    conn.execute(sa.delete(console_block).where(console_block.c.run_id == run_id))


# ---- lines


def parse_console_line(number: int, text: str) -> ConsoleLine:
    """Structured or plain; what is neither is text as it stands."""
    if text.startswith("{"):
        try:
            line = _STRUCTURED.decode(text)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            pass
        else:
            return ConsoleLine(number, line.ts, _level(line.level), line.content, line.label)
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return ConsoleLine(number, None, None, text)
    return ConsoleLine(number, plain.group(2), _level(plain.group(1)), plain.group(3))


def _level(text: str | None) -> str | None:
    return text.lower() if text else None


def _list_texts(
    conn: Connection, run_id: int, *, first: int, stop: int
) -> Generator[tuple[int, str], None, None]:
    """Numbered lines; those of absent blocks are empty."""
    if first >= stop:
        return
    params = {"run": run_id, "first": first // LINES, "last": (stop - 1) // LINES}
    number = first
    with conn.execute(_SELECT_BLOCKS, params, execution_options={"yield_per": 16}) as rows:
        for row in rows:
            start = row.block_no * LINES
            held = dict(enumerate(_unpack(row.data), start))
            for at in range(number, min(start + LINES, stop)):
                yield at, decode_line(held.get(at, b""))
            number = min(start + LINES, stop)
    for at in range(number, stop):
        yield at, ""


def _pack(block: list[bytes]) -> bytes:
    return codec.compress(msgspec.msgpack.encode(block))


def _unpack(data: bytes) -> list[bytes]:
    return msgspec.msgpack.decode(codec.decompress(data), type=list[bytes])

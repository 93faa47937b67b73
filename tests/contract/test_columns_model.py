"""Random lives of a run, in the store and in a model of a few lines, compared after every step."""

from __future__ import annotations

import json
import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from steelyard.server.columns import append, edit, read
from steelyard.server.columns.sealer import Sealer
from steelyard.server.db.interface import Database
from tests.contract.columns_model import NOW, rows_of, same, seal_now, send

numbers = st.one_of(
    st.floats(allow_nan=True), st.integers(-(2**70), 2**70), st.sampled_from([0, -0.0, 1e-320])
)
cells: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.lists(numbers, max_size=2),
    st.just({"_type": "histogram", "values": [1]}),
    st.just({}),
)
values = st.one_of(numbers, st.booleans(), cells)
#: No key that is a value in one row and an object in another: they could share a step.
rows = st.builds(
    lambda step, flat, inner: {
        **({} if step is None else {"_step": step}),
        **flat,
        **({"in": inner} if inner else {}),
    },
    st.one_of(st.none(), st.integers(0, 12)),
    st.dictionaries(st.sampled_from(["a", "b", "in.x", "é\0\\"]), values, max_size=3),
    st.dictionaries(st.sampled_from(["x", "y.z"]), values, max_size=2),
)


class Model:
    """Lines of writers in the order they were written; everything else follows from them."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, int, dict[str, Any]]] = []  # writer, number, row with _step
        self.replaced = 0

    def next_line(self, writer: str) -> int:
        return max((number + 1 for who, number, _ in self.lines if who == writer), default=0)

    def add(self, writer: str, offset: int, texts: list[str]) -> None:
        held = {number: row["text"] for who, number, row in self.lines if who == writer}
        new = dict(enumerate(texts, offset))
        differing = [number for number, text in new.items() if held.get(number, text) != text]
        if differing:
            kept = [each for each in self.lines if each[0] != writer or each[1] < differing[0]]
            self.replaced += len(self.lines) - len(kept)
            self.lines = kept
        for number, text in new.items():
            if number not in held or (differing and number >= differing[0]):
                row = json.loads(text)
                steps = [each["step"] for who, _, each in self.lines if who == writer]
                step = row.pop("_step", steps[-1] + 1 if steps else 0)
                self.lines.append((writer, number, {"text": text, "step": step, "row": row}))

    def rewind(self, last_step: int) -> None:
        kept = [each for each in self.lines if each[2]["step"] <= last_step]
        numbers: dict[tuple[str, int], int] = {}
        for writer in {who for who, _, _ in kept}:
            olds = sorted(number for who, number, _ in kept if who == writer)
            numbers |= {(writer, old): new for new, old in enumerate(olds)}
        self.lines = [(who, numbers[who, number], row) for who, number, row in kept]

    def rows(self) -> list[dict[str, Any]]:
        merged: dict[int, dict[str, Any]] = {}
        for _, _, line in self.lines:
            row = merged.setdefault(line["step"], {"_step": line["step"]})
            inner = {**row.get("in", {}), **line["row"].get("in", {})}
            row |= line["row"]
            if inner:
                row["in"] = inner
        return [merged[step] for step in sorted(merged)]


class RunLife(RuleBasedStateMachine):
    db: Database
    sealer: Sealer
    run_id = 0

    @initialize()
    def begin(self) -> None:
        type(self).run_id += 2
        self.run = type(self).run_id
        self.model = Model()
        self.sent: dict[str, dict[int, str]] = {"": {}, "w": {}}

    @rule(writer=st.sampled_from(["", "w"]), new=st.lists(rows, min_size=1, max_size=5))
    def log(self, writer: str, new: list[dict[str, Any]]) -> None:
        self._send(writer, self.model.next_line(writer), [json.dumps(row) for row in new])

    @rule(writer=st.sampled_from(["", "w"]), back=st.integers(1, 8), count=st.integers(1, 8))
    def send_again(self, writer: str, back: int, count: int) -> None:
        held = {number: row["text"] for who, number, row in self.model.lines if who == writer}
        offset = max(self.model.next_line(writer) - back, 0)
        texts = [held[number] for number in range(offset, offset + count) if number in held]
        if texts and offset in held:
            self._send(writer, offset, texts)

    @rule(back=st.integers(0, 6), new=st.lists(rows, min_size=1, max_size=3))
    def start_anew_from(self, back: int, new: list[dict[str, Any]]) -> None:
        offset = max(self.model.next_line("") - back, 0)
        self._send("", offset, [json.dumps(row) for row in new])

    @rule(ahead=st.integers(1, 4), row=rows)
    def leave_a_gap(self, ahead: int, row: dict[str, Any]) -> None:
        row = {"_step": 3, **row}  # what follows the row before a gap is not known
        self._send("", self.model.next_line("") + ahead, [json.dumps(row)])

    @rule()
    def seal(self) -> None:
        seal_now(self.db, self.run)

    @rule(is_final=st.booleans())
    def seal_and_merge(self, is_final: bool) -> None:
        self.sealer.work(self.run, "history", is_final=is_final)

    @rule(last_step=st.integers(-1, 14))
    def rewind(self, last_step: int) -> None:
        count = self.db.write_now(edit.rewind, run_id=self.run, last_step=last_step, now_us=NOW)
        self.model.rewind(last_step)
        assert count == self.model.next_line("")

    @rule(last_step=st.integers(-1, 14))
    def fork(self, last_step: int) -> None:
        child = self.run + 1
        self.db.write_now(edit.delete_streams, child)
        count = self.db.write_now(
            edit.fork, source_run_id=self.run, run_id=child, last_step=last_step, now_us=NOW
        )
        assert count == sum(row["step"] <= last_step for _, _, row in self.model.lines)
        expected = [row for row in self.model.rows() if row["_step"] <= last_step]
        assert same(rows_of(self.db, child), expected)
        assert self.db.read_now(read.get_line_count, child, "history") == count

    @rule(low=st.integers(0, 12), width=st.integers(1, 6), limit=st.integers(1, 5))
    def read_a_page(self, low: int, width: int, limit: int) -> None:
        page = rows_of(self.db, self.run, min_step=low, max_step=low + width, limit=limit)
        expected = [row for row in self.model.rows() if low <= row["_step"] < low + width]
        assert same(page, expected[:limit])
        page = rows_of(self.db, self.run, min_step=low, limit=limit, keys=["a", "b"])
        having = [
            {key: row[key] for key in ("_step", "a", "b")}
            for row in self.model.rows()
            if row["_step"] >= low and "a" in row and "b" in row
        ]
        assert same(page, having[:limit])

    def _send(self, writer: str, offset: int, texts: list[str]) -> None:
        before = len(self.model.lines)
        replaced = self.model.replaced
        done = send(self.db, texts, run_id=self.run, writer=writer, offset=offset)
        self.model.add(writer, offset, texts)
        assert done.next_line == self.model.next_line(writer)
        dropped = self.model.replaced - replaced
        assert done.accepted == len(self.model.lines) - before + dropped
        assert (done.replaced_from is not None) == (dropped > 0)

    @invariant()
    def store_and_model_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        expected = self.model.rows()
        assert same(rows_of(self.db, self.run), expected)
        series = self.db.read_now(read.read_series, self.run, "history", "a")
        numbers = {
            row["_step"]: float(row["a"])
            for row in expected
            if isinstance(row.get("a"), float | bool)
            or (isinstance(row.get("a"), int) and -(2**63) <= row["a"] < 2**63)
        }
        got = dict(zip(series.step.tolist(), series.value.tolist(), strict=True))
        # A number that a text replaced is still the last number of its step.
        assert all(same(got[step], value) for step, value in numbers.items())
        replaced = self.db.read_now(append.count_replaced_lines, self.run, "history")
        assert replaced == self.model.replaced
        last = self.db.read_now(read.get_last_step, self.run, "history")
        assert last == (expected[-1]["_step"] if expected else None)


@pytest.mark.slow
def test_a_run_reads_as_its_lines_say_whatever_happens_to_it(db: Database) -> None:
    sealer = Sealer(db)
    life = type("Life", (RunLife,), {"db": db, "sealer": sealer, "run_id": 0})
    try:
        run_machine(
            life,
            settings=settings(
                max_examples=25,
                stateful_step_count=12,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        sealer.stop()


@given(
    cuts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 25)), max_size=12),
    seals=st.sets(st.integers(0, 12)),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_history_is_whole_however_requests_are_cut_and_repeated(
    db: Database, cuts: list[tuple[int, int]], seals: set[int]
) -> None:
    """Requests of any range of the lines, in any order; a last one with all of them."""
    everything = [{"_step": n, "x": n / 7, "y": math.nan if n % 5 else n} for n in range(60)]
    db.write_now(edit.delete_streams, 1)
    for number, (offset, count) in enumerate([*cuts, (0, 60)]):
        send(db, everything[offset : offset + count], offset=offset)
        if number in seals:
            seal_now(db)
    assert same(rows_of(db), everything)
    assert db.read_now(read.get_line_count, 1, "history") == 60

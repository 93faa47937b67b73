from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb.proto import wandb_internal_pb2 as pb

from steelyard import limits
from steelyard.sdk.wandb_journal import Translation
from steelyard.wire import journal

START_US = 1_795_268_081_000_000


def make_run(**fields: Any) -> pb.Record:
    run = pb.RunRecord(run_id="r", project="p", host="h", **fields)
    run.start_time.FromMicroseconds(START_US)
    return pb.Record(run=run)


def make_row(step: int, **values: Any) -> pb.Record:
    row = pb.HistoryRecord(step=pb.HistoryStep(num=step))
    for key, value in values.items():
        row.item.add(nested_key=key.split("__"), value_json=json.dumps(value))
    return pb.Record(history=row)


def make_print(text: str, *, is_error: bool = False) -> pb.Record:
    kind = pb.OutputRawRecord.STDERR if is_error else pb.OutputRawRecord.STDOUT
    return pb.Record(output_raw=pb.OutputRawRecord(output_type=kind, line=text))


def translate(*records: pb.Record) -> tuple[Translation, list[tuple[int, Any]]]:
    """The translation and (kind, payload) of its records."""
    translation = Translation()
    encoded = b"".join(translation.translate(one.SerializeToString() for one in records))
    return translation, decode(encoded)


def decode(encoded: bytes) -> list[tuple[int, Any]]:
    found = [json.loads(bytes(body)) for _, body in journal.split_bodies(encoded)]
    assert [one[1] for one in found] == list(range(len(found)))
    return [(one[0], one[3]) for one in found]


def payloads(kind: int, found: Iterable[tuple[int, Any]]) -> list[Any]:
    return [payload for one, payload in found if one == kind]


def test_a_journal_begins_with_what_the_run_is() -> None:
    _, found = translate(
        pb.Record(header=pb.HeaderRecord()), make_run(display_name="d", tags=["t"], run_group="g")
    )
    kind, start = found[0]
    assert kind == journal.START
    assert start["run"] == "r"
    assert (start["display_name"], start["tags"], start["group"]) == ("d", ["t"], "g")
    assert "resume" not in start
    assert start["started_at_us"] == START_US


def test_nothing_is_sent_before_the_run_is_known() -> None:
    assert translate(make_print("early"), make_row(0, a=1))[1] == []


def test_rows_keep_nesting_times_and_numbers_as_they_were_written() -> None:
    row = make_row(3, deep__er__x=1, deep__y=2, _timestamp=1795268082.25, _runtime=1.25, _step=3)
    row.history.item.add(key="exp", value_json="1.1805916207174113e+21")
    row.history.item.add(key="nan", value_json="NaN")
    row.history.item.add(key="broken", value_json="{oh")
    _, found = translate(make_run(), row)
    ((step, is_automatic, data),) = payloads(journal.HISTORY, found)
    assert (step, is_automatic) == (3, False)
    assert math.isnan(data.pop("nan"))
    assert data == {
        "deep": {"er": {"x": 1}, "y": 2},
        "_timestamp": 1795268082.25,
        "_runtime": 1.25,
        "exp": 1.1805916207174113e21,
        "broken": "{oh",
    }


@pytest.mark.parametrize(("first", "is_automatic"), [(0, True), (500, False)])
def test_a_resumed_run_that_counts_from_zero_goes_on_behind_its_last_row(
    first: int, is_automatic: bool
) -> None:
    _, found = translate(make_run(resume=True), make_row(first, a=1), make_row(first + 1, a=2))
    assert found[0][1]["resume"] == "allow"
    rows = payloads(journal.HISTORY, found)
    assert [row[:2] for row in rows] == [[first, is_automatic], [first + 1, is_automatic]]


def test_rows_of_old_logs_have_their_step_among_the_values() -> None:
    rows = [make_row(0, _step=5, a=1), make_row(0, a=2)]
    for row in rows:
        row.history.ClearField("step")
    found = payloads(journal.HISTORY, translate(make_run(), *rows)[1])
    assert found == [[5, False, {"a": 1}], [6, False, {"a": 2}]]


def test_a_row_that_is_too_large_for_a_record_comes_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    big = "x" * (limits.JOURNAL_RECORD_BYTES_MAX // 3)
    row = make_row(0, a=big, b=big, c=big, d=1)
    translation, found = translate(make_run(), row)
    parts = payloads(journal.HISTORY, found)
    assert len(parts) > 1
    assert {key for _, _, data in parts for key in data} == set("abcd")
    assert translation.row_count == 1


def test_only_what_the_user_set_of_the_summary_is_sent() -> None:
    derived = pb.Record(summary=pb.SummaryRecord())
    derived.summary.update.add(nested_key=["a"], value_json="1")
    users = pb.Record(summary=pb.SummaryRecord())
    users._info.stream_id = "r"
    users.summary.update.add(key="best", value_json="3")
    users.summary.remove.add(key="gone")
    _, found = translate(make_run(), derived, users)
    assert payloads(journal.SUMMARY, found) == [{"set": {"best": 3}, "delete": ["gone"]}]


def test_objects_are_merged_into_the_config_and_sent_whole() -> None:
    run = make_run()
    run.run.config.update.add(key="n", value_json='{"a":1,"b":[1]}')
    run.run.config.update.add(key="_wandb", value_json="{}")
    change = pb.Record(config=pb.ConfigRecord())
    change.config.update.add(key="n", value_json='{"a":2}')
    change.config.update.add(nested_key=["n", "c"], value_json="3")
    again = make_run()
    again.run.config.update.add(key="n", value_json='{"a":2}')
    gone = pb.Record(config=pb.ConfigRecord())
    gone.config.remove.add(key="n")
    translation, found = translate(run, change, again, gone)
    assert payloads(journal.CONFIG, found) == [
        {"set": {"n": {"a": 1, "b": [1]}}, "delete": []},
        {"set": {"n": {"a": 2, "b": [1], "c": 3}}, "delete": []},
        {"set": {}, "delete": ["n"]},
    ]
    assert translation.config == {}


def test_changed_properties_are_sent_alone() -> None:
    _, found = translate(make_run(tags=["a"]), make_run(tags=["a", "b"], notes="n"))
    assert payloads(journal.RUN, found) == [{"tags": ["a", "b"], "notes": "n"}]


def test_pieces_of_a_line_are_sent_as_one_text() -> None:
    printed = [make_print(text) for text in ("loss", " ", "0.1", "", "\n")]
    _, found = translate(
        make_run(),
        *printed,
        make_print("\r10%"),
        make_print("warned\n", is_error=True),
        make_print("end"),
        pb.Record(exit=pb.RunExitRecord(exit_code=1)),
    )
    assert payloads(journal.CONSOLE, found) == [
        ["stdout", "loss 0.1\n"],
        ["stdout", "\r10%"],
        ["stderr", "warned\n"],
        ["stdout", "end"],
    ]
    assert found[-1] == (journal.FINISH, {"exit_code": 1})


def test_a_process_that_leaves_the_run_to_others_does_not_end_it() -> None:
    translation, found = translate(make_run(), pb.Record(exit=pb.RunExitRecord(not_complete=True)))
    assert payloads(journal.FINISH, found) == []
    assert translation.exit is not None


def test_a_dead_process_is_reported_in_a_journal_of_its_own() -> None:
    translation, _ = translate(make_run(), make_print("half a li"))
    writer, encoded = translation.translate_crash(run_id="r", project="p")
    start, printed, end = decode(encoded)
    assert writer == f"{translation.writer}-2-s"
    assert start[1]["role"] == "sender"
    assert printed == (journal.CONSOLE, ["stdout", "half a li"])
    assert end[1] == {"writer": translation.writer, "exit_code": 255, "is_crash": True}


def test_what_is_not_sent_is_said() -> None:
    board = pb.Record(tbrecord=pb.TBRecord(log_dir="logs"))
    translation, _ = translate(make_run(), board)
    assert translation.notices == {"TensorBoard files in logs": 1}


def test_artifacts_are_handed_on_in_their_order() -> None:
    logged = [pb.ArtifactRecord(name=name, type="dataset") for name in ("a", "b")]
    handed: list[bytes] = []
    translation = Translation(handed.append)
    messages = [make_run(), *(pb.Record(artifact=each) for each in logged)]
    list(translation.translate([each.SerializeToString() for each in messages]))
    assert handed == [each.SerializeToString() for each in logged]
    assert not translation.notices


def test_a_message_that_cannot_be_read_costs_nothing_else() -> None:
    translation = Translation()
    messages = [make_run().SerializeToString(), b"\xff", make_row(0, a=1).SerializeToString()]
    found = decode(b"".join(translation.translate(messages)))
    assert payloads(journal.HISTORY, found) == [[0, False, {"a": 1}]]
    assert translation.notices == {"a message that cannot be read": 1}


some_records = st.one_of(
    st.builds(make_row, st.integers(0, 99), a=st.floats(), b__c=st.text(max_size=5)),
    st.builds(make_print, st.sampled_from(["a", "b\n", "", "\r"]), is_error=st.booleans()),
    st.just(make_run(notes="changed")),
    st.just(pb.Record(exit=pb.RunExitRecord())),
)


@given(records=st.lists(some_records, max_size=30), cut=st.integers(0, 30))
def test_what_a_longer_log_adds_stands_at_the_end_of_its_journal(
    records: list[pb.Record], cut: int
) -> None:
    messages = [one.SerializeToString() for one in [make_run(), *records]]
    early = b"".join(Translation().translate(messages[:cut]))
    whole = b"".join(Translation().translate(messages))
    assert whole.startswith(early)
    assert whole == b"".join(Translation().translate(messages))

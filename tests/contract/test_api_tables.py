"""Tables over the REST API: files of runs, filtered, grouped, joined, on both databases."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from steelyard.limits import PREVIEW_BYTES_MAX, TABLE_PAGE_ROWS_MAX
from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject
from tests.support.table_files import ask, make_png, path_of, put_file, put_table, refusal

COLUMNS = ["question", "score", "correct", "tag"]
ROWS: list[list[Any]] = [
    ["why?", 0.9, True, "a"],
    ["how?", 0.2, False, "b"],
    ["who?", None, None, "a"],
    ["What now?", float("nan"), True, None],
]


@pytest.fixture
def project(shared_server: ThrowawayServer) -> ApiProject:
    made = ApiProject(shared_server)
    made.add_run("r1")
    return made


@pytest.fixture
def ref(project: ApiProject) -> str:
    return put_table(project, "r1", "media/table/eval/predictions_1.table.json", COLUMNS, ROWS)


def query(project: ApiProject, ref: str, **asked: Any) -> Any:
    return ask(project.server, "POST", "tables:query", {"ref": ref, **asked})


def test_a_schema_says_what_each_column_holds(project: ApiProject, ref: str) -> None:
    schema = ask(project.server, "GET", f"tables/schema?ref={quote(ref)}")
    assert schema["row_count"] == 4 and schema["ref"] == ref
    by_name = {column["name"]: column for column in schema["columns"]}
    assert [by_name[name]["type"] for name in COLUMNS] == ["string", "number", "boolean", "string"]
    assert (by_name["score"]["min"], by_name["score"]["max"]) == (0.2, 0.9)
    assert sum(by_name["score"]["histogram"]["counts"]) == 2
    assert by_name["tag"]["null_count"] == 1 and by_name["tag"]["distinct"] == 2


def test_a_page_has_cells_row_numbers_and_both_totals(project: ApiProject, ref: str) -> None:
    where = {"column": "score", "op": "<", "value": 0.5}
    page = query(project, ref, where=where)
    assert page["rows"] == [["how?", 0.2, False, "b"]]
    assert (page["row_ids"], page["total"], page["total_unfiltered"]) == ([1], 1, 4)
    everything = query(project, ref)
    assert [column["name"] for column in everything["columns"]] == COLUMNS
    assert everything["rows"][3] == ["What now?", "NaN", True, None]
    last = query(project, ref, offset=3, limit=5, columns=["tag", "question"])
    assert last["rows"] == [[None, "What now?"]] and last["row_ids"] == [3]


def test_rows_are_searched_sorted_and_grouped(project: ApiProject, ref: str) -> None:
    assert query(project, ref, search="WH")["row_ids"] == [0, 2, 3]
    order = query(project, ref, sort=[{"column": "score", "desc": True}])["row_ids"]
    assert order == [0, 1, 2, 3]
    grouped = query(project, ref, group_by=["tag"], aggregates=[{"column": "score", "fn": "mean"}])
    assert [column["name"] for column in grouped["columns"]] == ["tag", "count", "mean(score)"]
    assert grouped["rows"] == [["a", 2, 0.9], ["b", 1, 0.2], [None, 1, None]]
    assert (grouped["total"], grouped["total_unfiltered"]) == (3, 4)


def test_a_facet_lists_values_or_bins(project: ApiProject, ref: str) -> None:
    tags = ask(project.server, "POST", "tables:facet", {"ref": ref, "column": "tag"})
    assert tags["kind"] == "values" and tags["null_count"] == 1
    assert tags["items"] == [{"value": "a", "count": 2}, {"value": "b", "count": 1}]
    rows = [[i / 10] for i in range(1000)]
    many = put_table(project, "r1", "media/table/x.table.json", ["x"], rows)
    bins = ask(project.server, "POST", "tables:facet", {"ref": many, "column": "x", "limit": 10})
    assert bins["kind"] == "histogram" and len(bins["items"]) == 10
    assert sum(item["count"] for item in bins["items"]) == 1000
    assert bins["items"][0]["value"][0] == 0.0


def test_two_runs_are_compared_on_a_key(project: ApiProject) -> None:
    project.add_run("r2")
    columns = ["id", "answer", "score"]
    left = put_table(
        project, "r1", "t.table.json", columns,
        [["a", "x", 1], ["b", "y", 0.5], ["c", "z", 0.1], ["d", "w", 0.3]],
    )  # fmt: skip
    right = put_table(
        project, "r2", "t.table.json", columns,
        [["b", "y2", 0.5], ["a", "x2", 0.4], ["c", "z2", 0.2], ["e", "v", 9]],
    )  # fmt: skip
    joined = ask(
        project.server,
        "POST",
        "tables:join",
        {"left": left, "right": right, "on": ["id"], "compare": "score"},
    )
    names = ("win", "tie", "lose", "left_only", "right_only", "incomparable", "differs")
    assert [joined[name] for name in names] == [1, 1, 1, 1, 1, 0, 0]
    first = joined["rows"][0]
    assert first["outcome"] == "win" and first["left"] == ["a", "x", 1]
    assert first["right"] == ["a", "x2", 0.4] and (first["left_row"], first["right_row"]) == (0, 1)
    assert joined["rows"][-1]["left"] is None and joined["warnings"] == []
    lost = ask(
        project.server,
        "POST",
        "tables:join",
        {
            "left": left, "right": right, "on": ["id"], "compare": "score",
            "higher_is_better": False,
            "where": {"column": "outcome", "op": "in", "value": ["lose"]},
            "sort": [{"column": "right.score"}],
        },
    )  # fmt: skip
    assert [row["left"][0] for row in lost["rows"]] == ["a"] and lost["total"] == 1


def test_a_repeated_key_is_paired_in_order_and_explained(project: ApiProject) -> None:
    left = put_table(project, "r1", "l.table.json", ["k", "v"], [["a", 1], ["a", 2], ["b", 3]])
    right = put_table(project, "r1", "m.table.json", ["k", "v"], [["a", 0], ["a", 2], ["a", 5]])
    joined = ask(
        project.server,
        "POST",
        "tables:join",
        {"left": left, "right": right, "on": ["k"], "compare": "v"},
    )
    pairs = [(row["left_row"], row["right_row"], row["outcome"]) for row in joined["rows"]]
    assert pairs == [
        (0, 0, "win"), (1, 1, "tie"), (2, None, "left_only"), (None, 2, "right_only"),
    ]  # fmt: skip
    assert len(joined["warnings"]) == 2 and "2 rows on the right" in joined["warnings"][1]


def test_what_changed_between_two_tables_is_told_row_by_row(project: ApiProject) -> None:
    media = {"_type": "image-file", "path": "media/images/a.png", "sha256": "0" * 64}
    columns = ["id", "score", "image"]
    before = put_table(
        project, "r1", "b.table.json", columns, [[1, 0.5, media], [2, float("nan"), None]]
    )
    rows = [[2, float("nan"), None], [1, 0.75, media], [3, 1, None]]
    after = put_table(project, "r1", "c.table.json", columns, rows)
    asked = {"before": before, "after": after}
    found = ask(project.server, "POST", "tables:diff", asked)
    assert found["on"] == ["id"] and found["warnings"] == []
    counts = [found[name] for name in ("added", "removed", "changed", "same", "total")]
    assert counts == [1, 0, 1, 1, 2]
    changed, added = found["rows"]
    assert (changed["before_row"], changed["after_row"], changed["columns"]) == (0, 1, ["score"])
    assert changed["before"][:2] == [1, 0.5] and changed["after"][:2] == [1, 0.75]
    assert "a.png" in changed["after"][2]["url"]
    assert (added["change"], added["before"], added["after"]) == ("added", None, [3, 1.0, None])
    whole = ask(project.server, "POST", "tables:diff", asked | {"on": [], "change": "removed"})
    assert (whole["removed"], whole["added"], whole["total"]) == (1, 2, 1)
    status, said = refusal(project.server, "POST", "tables:diff", asked | {"on": ["nope"]})
    assert status == 400 and "no column 'nope'" in said


def test_csv_jsonl_and_parquet_are_tables_too(project: ApiProject) -> None:
    csv = put_file(project, "r1", "a.csv", b"id,score,zip\n1,0.5,007\n2,,123\n")
    assert query(project, csv)["rows"] == [[1, 0.5, "007"], [2, None, "123"]]
    jsonl = put_file(project, "r1", "a.jsonl", b'{"a": 1}\n\n{"b": [1, NaN], "a": 2}\n')
    assert query(project, jsonl)["rows"] == [[1, None], [2, [1, "NaN"]]]
    preview = ask(project.server, "GET", f"previews/table?limit=1&ref={quote(csv)}")
    assert preview["rows"] == [[1, 0.5, "007"]] and preview["total"] == 2


def test_of_a_large_file_only_the_first_rows_are_prepared_for_a_preview(
    project: ApiProject, tmp_path: Path
) -> None:
    count = PREVIEW_BYTES_MAX // 8 + 1
    numbers = pl.int_range(count, eager=True, dtype=pl.Int64)
    path = tmp_path / "large.parquet"
    pl.DataFrame({"n": numbers}).write_parquet(path, compression="uncompressed", use_pyarrow=False)
    assert path.stat().st_size > PREVIEW_BYTES_MAX
    lines = b'{"n": 1, "text": "' + b"x" * 4000 + b'"}\n'
    large = {
        "large.parquet": path.read_bytes(),
        "large.jsonl": lines * (PREVIEW_BYTES_MAX // len(lines) + 2),
    }
    for name, content in large.items():
        ref = put_file(project, "r1", name, content)
        preview = ask(project.server, "GET", f"previews/table?limit=2&ref={quote(ref)}")
        assert len(preview["rows"]) == 2 and preview["total"] == TABLE_PAGE_ROWS_MAX
    whole = query(project, ref.replace("large.jsonl", "large.parquet"), offset=count - 1)
    assert whole["rows"] == [[count - 1]]


def test_long_texts_are_cut_and_said_to_be(project: ApiProject) -> None:
    ref = put_table(project, "r1", "long.table.json", ["t"], [["x" * 50], ["short"]])
    page = query(project, ref, cell_chars=10)
    assert page["rows"] == [["x" * 10], ["short"]]
    assert page["cut"] == [{"row": 0, "column": 0, "chars": 50}]


def test_an_unknown_column_is_answered_with_the_columns_there_are(
    project: ApiProject, ref: str
) -> None:
    asked = {"ref": ref, "where": {"column": "scores", "op": "<", "value": 1}}
    status, detail = refusal(project.server, "POST", "tables:query", asked)
    assert status == 400
    assert "'scores'" in detail and "did you mean 'score'" in detail and "'question'" in detail


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"where": {"column": "score", "op": "<", "value": "x"}}, "holds numbers"),
        ({"where": {"column": "score", "op": "~"}}, "no operator"),
        ({"where": {"column": "question", "op": "regex", "value": "(a"}}, "no regular expression"),
        ({"where": {"column": "question", "op": "regex", "value": r"(a)\1"}}, "backreferences"),
        ({"where": {"column": "score", "op": "contains", "value": "1"}}, "looks into texts"),
        ({"where": {"either": []}}, "and, or, not"),
        ({"sort": [{"column": "nothing"}]}, "no column 'nothing'"),
        ({"group_by": ["tag"], "aggregates": [{"column": "tag", "fn": "mean"}]}, "needs numbers"),
        ({"ref": "somewhere"}, "names no table"),
        ({"limit": 501}, "500"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    project: ApiProject, ref: str, asked: dict[str, Any], told: str
) -> None:
    content = {"ref": ref, **asked}
    status, detail = refusal(project.server, "POST", "tables:query", content)
    assert status == 400 and told in detail


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("torn.table.json", b'{"columns": ["a"], "data": [[1], [2', "may have broken off"),
        ("other.table.json", b'{"hello": 1}', "has no data"),
        ("list.table.json", b"[1, 2]", "does not begin with an object"),
        ("words.table.json", b'{"columns": "ab", "data": []}', "columns must be a list"),
        ("broken.jsonl", b'{"a": 1}\n{"a": }\n', "line 2 is not JSON"),
        ("numbers.jsonl", b"1\n", "line 1 is no object"),
        ("fake.parquet", b"this is no parquet file", "cannot be read as Parquet"),
        ("notes.txt", b"hello", "is no table"),
    ],
)
def test_a_file_that_is_no_table_says_what_is_wrong_with_it(
    project: ApiProject, name: str, content: bytes, told: str
) -> None:
    ref = put_file(project, "r1", name, content)
    status, detail = refusal(project.server, "POST", "tables:query", {"ref": ref})
    assert status == 400 and told in detail and name in detail


def test_foreign_tables_look_like_absent_ones(project: ApiProject, ref: str) -> None:
    server = project.server
    made = server.call(
        "POST",
        "/api/v1/admin/users",
        content={
            "username": f"stranger-{project.name[-8:]}",
        },
    )
    key = made["api_key"]
    foreign = server.request("POST", "/api/v1/tables:query", content={"ref": ref}, key=key)
    absent_ref = ref.replace(project.name, "absent")
    absent = server.request("POST", "/api/v1/tables:query", content={"ref": absent_ref}, key=key)
    assert foreign.status == absent.status == 404
    assert foreign.data == absent.data.replace(b"absent", project.name.encode())


def test_the_same_content_changed_is_another_table(project: ApiProject) -> None:
    name = "again.table.json"
    ref = put_table(project, "r1", name, ["a"], [[1]])
    assert query(project, ref)["rows"] == [[1]]
    put_table(project, "r1", name, ["a"], [[2], [3]])
    assert query(project, ref)["rows"] == [[2], [3]]
    assert json.loads(json.dumps(query(project, ref)))["total"] == 2


def test_a_filtered_table_is_saved_as_a_version_with_the_media_it_names(
    project: ApiProject,
) -> None:
    image = {"_type": "image-file", "path": "media/images/a.png", "format": "png"}
    other = {"_type": "image-file", "path": "media/images/b.png", "format": "png"}
    for value in (image, other):
        put_file(project, "r1", str(value["path"]), make_png(4, 4) + value["path"].encode())
    rows = [["x", 0.1, image], ["y", 0.9, other], ["z", 0.2, None]]
    ref = put_table(project, "r1", "t.table.json", ["id", "score", "image"], rows)
    asked = {
        "ref": ref, "where": {"column": "score", "op": "<", "value": 0.5}, "entity": "-",
        "project": project.name, "collection": "hard", "sort": [{"column": "score", "desc": True}],
    }  # fmt: skip
    saved = ask(project.server, "POST", "tables:save", asked)
    assert (saved["version"], saved["row_count"], saved["file_count"]) == ("v0", 2, 2)
    again = ask(project.server, "POST", "tables:save", asked)
    assert (again["id"], again["version"]) == (saved["id"], "v0"), (
        "the same rows are no new version"
    )
    page = query(project, saved["ref"])
    assert [row[0] for row in page["rows"]] == ["z", "x"]
    cell = page["rows"][1][2]
    shown = project.server.request("GET", path_of(cell["url"]))
    assert shown.status == 200 and shown.data.endswith(b"media/images/a.png")
    small = path_of(cell["thumbnail_url"])
    assert project.server.request("GET", small, key="").status == 200
    newest = query(project, saved["ref"].replace(":v0/", ":latest/"))
    assert newest["rows"][0][0] == "z"


def test_nothing_is_saved_where_the_caller_may_not_write(project: ApiProject, ref: str) -> None:
    asked = {"ref": ref, "entity": "nobody-here", "project": "p", "collection": "c"}
    status, _ = refusal(project.server, "POST", "tables:save", asked)
    assert status == 404


def test_a_question_nested_without_end_is_refused(project: ApiProject, ref: str) -> None:
    depth = 50_000
    where = '{"not":' * depth + "{}" + "}" * depth
    body = f'{{"ref":"{ref}","where":{where}}}'.encode()
    answer = project.server.request("POST", "/api/v1/tables:query", body=body)
    assert (answer.status, json.loads(answer.data)["code"]) == (400, "invalid")
    assert "nested too deeply" in json.loads(answer.data)["detail"]


def csv_path(ref: str, **asked: Any) -> str:
    return f"/api/v1/tables/csv?question={quote(json.dumps({'ref': ref, **asked}), safe='')}"


def test_every_row_that_passes_comes_as_csv(project: ApiProject) -> None:
    image = {"_type": "image-file", "path": "media/images/a.png", "format": "png"}
    rows = [[n, f'say "{n}",\nor not', n / 8, image if n % 2 else None] for n in range(1_500)]
    ref = put_table(project, "r1", "long.table.json", ["n", "text", "x", "image"], rows)
    assert query(project, ref)["total"] == 1_500  # it is prepared
    where = {"column": "n", "op": ">=", "value": 10}
    asked = csv_path(ref, where=where, sort=[{"column": "n", "desc": True}])
    answer = project.server.request("GET", f"{asked}&name=my%20rows")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'attachment; filename="my rows.csv"' in answer.headers["content-disposition"]
    read = list(csv.reader(io.StringIO(answer.data.decode(), newline="")))
    assert read[0] == ["n", "text", "x", "image"]
    assert read[1:3] == [
        ["1499", 'say "1499",\nor not', "187.375", "media/images/a.png"],
        ["1498", 'say "1498",\nor not', "187.25", ""],
    ]
    assert [int(row[0]) for row in read[1:]] == list(range(1_499, 9, -1))


def test_groups_come_as_csv(project: ApiProject, ref: str) -> None:
    query(project, ref)
    mean = [{"column": "score", "fn": "mean"}]
    answer = project.server.request("GET", csv_path(ref, group_by=["tag"], aggregates=mean))
    assert answer.data.decode() == "tag,count,mean(score)\r\na,2,0.9\r\nb,1,0.2\r\n,1,\r\n"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("{", "question is no CsvQuery"),
        ('{"ref": "run:x", "limit": 3}', "question is no CsvQuery"),
        ('{"ref": "run:x"}', "names no table"),
        ("a" * 33_000, "length"),
    ],
)
def test_a_bad_question_for_csv_is_refused_before_anything_is_sent(
    project: ApiProject, asked: str, reason: str
) -> None:
    answer = project.server.request("GET", f"/api/v1/tables/csv?question={quote(asked)}")
    assert answer.status == 400 and reason in json.loads(answer.data)["detail"]


def test_an_unknown_column_makes_no_csv(project: ApiProject, ref: str) -> None:
    query(project, ref)
    answer = project.server.request("GET", csv_path(ref, columns=["scroe"]))
    assert answer.status == 400 and "did you mean" in json.loads(answer.data)["detail"]
    answer = project.server.request("GET", csv_path(ref), key="")
    assert answer.status == 401

"""What may be the name, type, alias, tag, path of something in an artifact."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.artifacts import names

OUTSIDE = ["", ".", "..", "/etc/passwd", "../x", "a/../../x", "a/..", "C:\\x", "\\x", "a\\..\\b"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="no path in an artifact"):
        names.check_path(path)


@pytest.mark.parametrize("path", ["a\nb", "a\x00b", "a\x7f", "x" * 5000, "a\udc80"])
def test_a_path_that_a_server_refuses_is_refused_at_once(path: str) -> None:
    with pytest.raises(Invalid, match="no path in an artifact"):
        names.check_path(path)


@pytest.mark.parametrize(
    ("given_path", "kept"),
    [
        ("a/b.txt", "a/b.txt"),
        ("./a//b/", "a/b"),
        (Path("a") / "b", "a/b"),
        ("ü/c d.txt", "ü/c d.txt"),
        (".hidden", ".hidden"),
        ("a..b", "a..b"),
        ("v2:x", "v2:x"),
    ],
)
def test_other_paths_are_kept_in_one_form(given_path: str | Path, kept: str) -> None:
    assert names.check_path(given_path) == kept


@given(st.text(max_size=60))
def test_a_path_is_either_refused_or_stays_below_its_root(text: str) -> None:
    try:
        kept = names.check_path(text)
    except Invalid:
        return
    assert kept == str(PurePosixPath(kept))
    assert not kept.startswith("/")
    assert ".." not in kept.split("/")
    assert names.check_path(kept) == kept


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:v1", "ü", "x" * 129, "a\n"])
def test_names_that_no_server_takes_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        names.check_name(name)


def test_a_name_may_end_like_a_version() -> None:
    assert names.check_name("training-data-v2") == "training-data-v2"
    assert names.parse_path("training-data-v2").ref is None


@pytest.mark.parametrize(
    ("kind", "name"), [("job", "x"), ("run_table", "run-x"), ("code", "source-x"), ("wandb-x", "x")]
)
def test_types_of_the_client_itself_are_refused(kind: str, name: str) -> None:
    with pytest.raises(Invalid, match="client's own"):
        names.check_type(kind, name)
    assert names.check_type("code", "x") == "code"


def test_aliases_are_words() -> None:
    assert names.check_aliases("best") == ["best"]
    assert names.check_aliases(["a", "b"]) == ["a", "b"]
    for bad in (["a/b"], ["a:b"], "x:y"):
        with pytest.raises(Invalid):
            names.check_aliases(bad)
    with pytest.raises(TypeError):
        names.check_aliases([3])  # type: ignore[list-item]


def test_tags_are_kept_once_and_in_order() -> None:
    assert names.check_tags(["b", "a", "b", "two words"]) == ["b", "a", "two words"]
    for bad in ("a!", " a", "a/b", "a  b\n"):
        with pytest.raises(Invalid):
            names.check_tags([bad])


def test_metadata_is_what_json_can_say() -> None:
    assert names.check_metadata(None) == {}
    assert names.check_metadata('{"a": 1}') == {"a": 1}
    assert names.check_metadata({"a": math.nan, 1: (1, 2)}) == {"a": None, "1": [1, 2]}
    with pytest.raises(ValueError, match="infinity"):
        names.check_metadata({"a": [math.inf]})
    with pytest.raises(TypeError):
        names.check_metadata([1])
    with pytest.raises(ValueError, match="100 keys"):
        names.check_metadata({str(count): 1 for count in range(101)})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", (None, None, "a", None)),
        ("a:v3", (None, None, "a", "v3")),
        ("p/a:best", (None, "p", "a", "best")),
        ("e/p/a:latest", ("e", "p", "a", "latest")),
        ("wandb-artifact://e/p/a:v0", ("e", "p", "a", "v0")),
    ],
)
def test_a_name_is_taken_apart_and_put_together(
    text: str, parts: tuple[str | None, str | None, str, str | None]
) -> None:
    path = names.parse_path(text)
    assert (path.entity, path.project, path.name, path.ref) == parts
    assert str(path) == text.removeprefix("wandb-artifact://")


@pytest.mark.parametrize("text", ["", "a/b/c/d", "/", "a//b", ":v1"])
def test_what_names_no_artifact_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="names no artifact"):
        names.parse_path(text)
    with pytest.raises(WrongType):
        names.parse_path(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"),
    [  # what wandb 0.31.0 sdk/artifacts/_internal_artifact.py sanitize_artifact_name gives
        ("run-abc-table", "run-abc-table"),
        ("run-abc-eval/predictions", "run-abc-evalpredictions-_xgKiw"),
        ("a b c", "abc-yC4N0A"),
        ("ünï", "n-28RI6g"),
        ("%", "-mQY7yg"),
    ],
)
def test_internal_names_are_those_of_the_official_client(text: str, name: str) -> None:
    assert names.clean_internal_name(text) == name


@given(st.lists(st.text(max_size=6), max_size=6))
def test_the_common_start_is_the_longest_there_is(texts: list[str]) -> None:
    import os

    assert names.common_start(texts) == os.path.commonprefix(texts)  # noqa: RUF071  # meant

"""Names and media types of run files."""

from __future__ import annotations

import pytest

from steelyard.errors import Invalid, TooLarge
from steelyard.server.rooms.files.model import check_file_name, guess_mimetype


@pytest.mark.parametrize("name", ["a", "a.b/c d/ü%?.txt", "...", "a..b", "x" * 4096, "-", " "])
def test_ordinary_and_odd_names_are_taken(name: str) -> None:
    check_file_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "/", "/a", "a/", "..", "a/..", "../a", "a/./b", "a\\..\\b", "a\tb", "\x7f", "\ud800"],
)
def test_names_that_lead_elsewhere_or_cannot_be_shown_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="file name"):
        check_file_name(name)


def test_an_over_long_name_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="FILE_PATH_BYTES_MAX"):
        check_file_name("ü" * 2049)


@pytest.mark.parametrize(
    ("name", "mimetype"),
    [
        ("media/a.png", "image/png"),
        ("config.yaml", "application/yaml"),
        ("output.log", "text/plain"),
        ("wandb-metadata.json", "application/json"),
        ("a.HTML", "text/html"),
        ("data:x.png", "image/png"),
        ("a.tar.gz", "application/octet-stream"),
        ("Makefile", "application/octet-stream"),
        (".yaml", "application/yaml"),
    ],
)
def test_the_media_type_comes_from_the_ending(name: str, mimetype: str) -> None:
    assert guess_mimetype(name) == mimetype

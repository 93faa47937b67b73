"""One content from a server that breaks off, lies or forgets: it is whole in the end, or named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import ContentDamaged, NotFound, Unavailable
from steelyard.sdk.artifacts import fetch as fetch_module
from steelyard.sdk.artifacts.digest import b64_of_bytes
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.fetch import Download
from steelyard.sdk.artifacts.remote import Remote
from steelyard.sdk.connection import open_connection
from steelyard.sdk.settings import ClientSettings
from tests.support.odd_files_server import OddFilesServer, odd_files_server

CONTENT = random.Random(7).randbytes(700_000)


@pytest.fixture
def server() -> Iterator[OddFilesServer]:
    with odd_files_server() as running:
        running.files["/f"] = CONTENT
        yield running


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module.time, "sleep", lambda seconds: None)


def make(server: OddFilesServer, content: bytes = CONTENT, path: str = "/f") -> Download:
    settings = ClientSettings(base_url=server.url)
    remote = Remote(open_connection(settings), settings)
    entry = ArtifactManifestEntry("dir/f.bin", b64_of_bytes(content), size=len(content))
    return Download(remote, entry, server.url + path, renew=lambda: server.url + "/f")


@given(cuts=st.lists(st.integers(1, 400_000), max_size=5), knows_ranges=st.booleans())
def test_a_content_is_whole_however_often_it_breaks_off(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], knows_ranges: bool
) -> None:
    path = tmp_path_factory.mktemp("fetch") / "partial"
    with odd_files_server() as server:
        server.files["/f"], server.cuts, server.knows_ranges = CONTENT, cuts, knows_ranges
        assert make(server).run(str(path))
    assert path.read_bytes() == CONTENT


def test_what_arrived_before_is_not_asked_for_again(server: OddFilesServer, tmp_path: Path) -> None:
    path = tmp_path / "partial"
    path.write_bytes(CONTENT[:500_000])
    make(server).run(str(path))
    assert path.read_bytes() == CONTENT
    assert server.asked == [("GET", "/f", "bytes=500000-")]


def test_a_part_of_something_else_is_thrown_away(server: OddFilesServer, tmp_path: Path) -> None:
    path = tmp_path / "partial"
    path.write_bytes(b"other" * 1000)
    make(server).run(str(path))
    assert path.read_bytes() == CONTENT


def test_bytes_that_lie_are_refused_by_name_and_not_kept(
    server: OddFilesServer, tmp_path: Path
) -> None:
    server.files["/f"] = CONTENT[:-1] + b"?"
    path = tmp_path / "partial"
    with pytest.raises(ContentDamaged, match=r"dir/f\.bin"):
        make(server).run(str(path))
    assert not path.exists()
    assert len(server.asked) == 2  # asked twice, in case it was the way


def test_an_address_that_has_expired_is_renewed_once(
    server: OddFilesServer, tmp_path: Path
) -> None:
    make(server, path="/old").run(str(tmp_path / "partial"))
    assert [path for _, path, _ in server.asked] == ["/old", "/f"]
    server.files.clear()
    with pytest.raises(NotFound):
        make(server, path="/old").run(str(tmp_path / "other"))


def test_a_server_that_stays_away_is_given_up_and_the_part_kept(
    server: OddFilesServer, tmp_path: Path
) -> None:
    path = tmp_path / "partial"
    server.cuts = [600_000]
    server.refusals = [200, *[503] * 50]
    with pytest.raises(Unavailable, match=r"dir/f\.bin.*go on"):
        make(server).run(str(path))
    kept = path.read_bytes()
    assert len(kept) > 500_000
    assert CONTENT.startswith(kept)


def test_a_redirect_is_followed_without_the_key(server: OddFilesServer, tmp_path: Path) -> None:
    with odd_files_server() as elsewhere:
        elsewhere.files["/far"] = CONTENT
        server.redirects["/f"] = f"{elsewhere.url}/far"
        make(server).run(str(tmp_path / "partial"))
        assert elsewhere.asked == [("GET", "/far", None)]
    assert (tmp_path / "partial").read_bytes() == CONTENT


def test_an_empty_file_needs_no_request(server: OddFilesServer, tmp_path: Path) -> None:
    make(server, b"").run(str(tmp_path / "partial"))
    assert (tmp_path / "partial").read_bytes() == b""
    assert server.asked == []


def test_what_another_process_has_fetched_meanwhile_is_taken(
    server: OddFilesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_module, "_is_at", lambda file, path: False)
    assert make(server).run(str(tmp_path / "partial"), lambda: True) is False
    assert server.asked == []

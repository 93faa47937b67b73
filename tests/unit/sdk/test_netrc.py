"""API keys in a netrc file that belongs to other tools as well."""

from __future__ import annotations

import netrc
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import UsageError
from steelyard.sdk.netrc import netrc_path, read_netrc_key, remove_netrc_key, write_netrc_key

FOREIGN = (
    "# mine\r\n"
    "machine github.com login me password s3cret\n"
    'machine broken.example\n\tlogin x\n\tpassword "never closed\n'
    "macdef init\ncd /pub\nmachine in.a.macro\n\n"
    "default login anonymous password a@b"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".netrc"


def test_the_key_is_kept_and_foreign_entries_stay_byte_by_byte(path: Path) -> None:
    path.write_bytes(FOREIGN.encode())
    write_netrc_key(path, "127.0.0.1:8080", "k1")
    assert path.read_bytes() == FOREIGN.encode() + (
        b"\nmachine 127.0.0.1:8080\n  login user\n  password k1\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_netrc_key(path, "127.0.0.1:8080") == "k1"
    write_netrc_key(path, "127.0.0.1:8080", "k2")
    assert read_netrc_key(path, "127.0.0.1:8080") == "k2"
    assert path.read_bytes().count(b"127.0.0.1:8080") == 1
    assert remove_netrc_key(path, "127.0.0.1:8080")
    assert path.read_bytes() == FOREIGN.encode() + b"\n"
    assert not remove_netrc_key(path, "127.0.0.1:8080")


def test_an_older_entry_is_replaced_where_it_stands(path: Path) -> None:
    path.write_text(
        "machine a login x password y\nmachine ml login user\n password old\nmachine b login z\n"
        "machine ml login user password older\nmachine c"
    )
    write_netrc_key(path, "ml", "new")
    assert path.read_text() == (
        "machine a login x password y\nmachine ml\n  login user\n  password new\n"
        "machine b login z\nmachine c"
    )


def test_the_standard_library_reads_what_is_written(path: Path) -> None:
    write_netrc_key(path, "ml:8080", "secret")
    assert netrc.netrc(path).authenticators("ml:8080") == ("user", "", "secret")


def test_a_port_is_part_of_the_name(path: Path) -> None:
    write_netrc_key(path, "ml:8080", "a")
    assert read_netrc_key(path, "ml") is None
    assert read_netrc_key(path, "ml:80") is None


def test_quoted_keys_and_keys_on_one_line_are_read(path: Path) -> None:
    path.write_text('machine a login "x y" password "k \\" 1"  machine b password k2 login u')
    assert read_netrc_key(path, "a") == 'k " 1'
    assert read_netrc_key(path, "b") == "k2"


def test_a_link_stays_a_link(tmp_path: Path, path: Path) -> None:
    target = tmp_path / "dotfiles"
    target.write_text("machine a password b\n")
    path.symlink_to(target)
    write_netrc_key(path, "ml", "k")
    assert path.is_symlink()
    assert "machine ml" in target.read_text()


def test_a_file_that_is_not_there_has_no_keys(path: Path) -> None:
    assert read_netrc_key(path, "a") is None
    assert not remove_netrc_key(path, "a")


def test_a_place_that_takes_no_file_is_told_with_the_way_round(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="WANDB_API_KEY"):
        write_netrc_key(tmp_path / "file" / ".netrc", "ml", "k")


def test_where_the_file_is(tmp_path: Path) -> None:
    assert netrc_path({"HOME": str(tmp_path)}) == tmp_path / ".netrc"
    assert netrc_path({"HOME": str(tmp_path), "NETRC": "/n"}) == Path("/n")
    assert netrc_path({"HOME": str(tmp_path), "NETRC": "/n"}, "/chosen") == Path("/chosen")


PIECES = [*'ab"\\# \t\n', "machine ", "login ", "password ", "macdef "]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_whatever_stands_there_a_key_can_be_kept_and_taken_out(
    pieces: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "".join(["machine a ", *pieces])
    path = tmp_path_factory.mktemp("n") / "netrc"
    path.write_text(text)
    write_netrc_key(path, "zz", "k")
    assert read_netrc_key(path, "zz") == "k"
    assert text in path.read_text()
    remove_netrc_key(path, "zz")
    assert path.read_text().rstrip("\n") == text.rstrip("\n")

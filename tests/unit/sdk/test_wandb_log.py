from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.wandb_log import BLOCK_BYTES, NotAWandbLog, WandbLog
from tests.support.wandb_log import HEAD, encode_log

#: Around the length of a block, and anything else.
lengths = st.one_of(
    st.integers(0, 100),
    st.integers(BLOCK_BYTES - 40, BLOCK_BYTES + 20),
    st.integers(0, 3 * BLOCK_BYTES),
)
some_messages = st.lists(
    st.tuples(lengths, st.integers(0, 255)).map(lambda made: bytes([made[1]]) * made[0]),
    max_size=12,
)


def read(path: Path, content: bytes) -> tuple[list[bytes], WandbLog]:
    path.write_bytes(content)
    log = WandbLog(path)
    return list(log), log


@given(messages=some_messages)
def test_what_was_written_is_read(
    messages: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = encode_log(messages)
    found, log = read(tmp_path_factory.mktemp("log") / "run-x.wandb", content)
    assert found == messages
    assert (log.end, log.size_bytes, log.skipped_blocks) == (len(content), len(content), 0)


@given(messages=some_messages, share=st.floats(0, 1))
def test_a_log_that_is_cut_off_gives_the_messages_before_the_cut(
    messages: list[bytes], share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = encode_log(messages)
    cut = int(len(content) * share)
    found, log = read(tmp_path_factory.mktemp("log") / "run-x.wandb", content[:cut])
    assert found == messages[: len(found)]
    assert log.end <= cut
    whole = [n for n in range(len(messages) + 1) if len(encode_log(messages[:n])) <= cut]
    assert len(found) == (whole[-1] if whole else 0)
    assert log.skipped_blocks == 0


@given(messages=some_messages, shares=st.lists(st.floats(0, 1), max_size=6))
def test_a_log_that_grows_is_read_on(
    messages: list[bytes], shares: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = encode_log(messages)
    path = tmp_path_factory.mktemp("log") / "run-x.wandb"
    log, found = WandbLog(path), []
    for cut in [*sorted(int(len(content) * share) for share in shares), len(content)]:
        path.write_bytes(content[:cut])
        found += list(log.read_on())
        assert found == messages[: len(found)]
    assert found == messages
    assert (log.end, log.skipped_blocks) == (len(content), 0)
    assert list(log) == messages


@given(at=st.integers(len(HEAD), 4 * BLOCK_BYTES - 1), flip=st.integers(1, 255))
def test_a_damaged_byte_costs_its_block_at_most(
    at: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    messages = [n.to_bytes(4, "big") * 250 for n in range(150)]
    content = bytearray(encode_log(messages))
    content[at] ^= flip
    found, log = read(tmp_path_factory.mktemp("log") / "run-x.wandb", bytes(content))
    lost = [message for message in messages if message not in set(found)]
    # A message in the block, or one that begins or ends in it.
    assert len(lost) <= BLOCK_BYTES // 1007 + 2
    assert set(found) <= set(messages)
    is_last_block = at // BLOCK_BYTES == (len(content) - 1) // BLOCK_BYTES
    assert log.skipped_blocks <= (0 if is_last_block else 1)
    assert lost == [] or log.skipped_blocks == 1 or is_last_block


def test_a_hole_of_zeros_is_passed_over(tmp_path: Path) -> None:
    messages = [bytes([n]) * 1000 for n in range(200)]
    content = bytearray(encode_log(messages))
    content[BLOCK_BYTES : 3 * BLOCK_BYTES] = bytes(2 * BLOCK_BYTES)
    found, log = read(tmp_path / "run-x.wandb", bytes(content))
    assert log.skipped_blocks == 2
    assert len(found) > 200 - 2 * 33 - 3
    assert found[-1] == messages[-1]


@pytest.mark.parametrize("content", [b"", HEAD[:3], HEAD])
def test_a_log_without_messages_is_empty(content: bytes, tmp_path: Path) -> None:
    assert read(tmp_path / "run-x.wandb", content)[0] == []


@pytest.mark.parametrize("content", [b"PK\3\4", b"{}", b":W&B\xe1\xbf\0 more of it"])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotAWandbLog, match="is no log"):
        read(tmp_path / "run-x.wandb", content)


def test_an_unknown_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotAWandbLog, match=r"version 7.*wandb sync"):
        read(tmp_path / "run-x.wandb", HEAD[:-1] + b"\7")

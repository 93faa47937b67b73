from __future__ import annotations

import pytest

from steelyard.errors import Invalid
from steelyard.server.rooms.accounts.passwords import hash_password, is_password_right


@pytest.mark.parametrize("in_bulk", [False, True])
def test_a_password_fits_its_hash_only(in_bulk: bool) -> None:
    kept = hash_password("correct horse", in_bulk=in_bulk)
    assert kept.startswith("$argon2id$") and "correct" not in kept
    assert is_password_right(kept, "correct horse")
    assert not is_password_right(kept, "correct horsf")
    assert kept != hash_password("correct horse", in_bulk=in_bulk)


def test_nobody_and_nonsense_have_no_password() -> None:
    assert not is_password_right(None, "nobody has this password")
    assert not is_password_right("nonsense", "x")


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025, "ü" * 600])
def test_passwords_too_short_or_absurdly_long_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        hash_password(password)

"""Passwords: argon2id, slow on purpose. Never call these on the event loop or in a transaction."""

from __future__ import annotations

import argon2

from steelyard.errors import Invalid
from steelyard.limits import PASSWORD_CHARS_MIN

#: OWASP's recommended minimum (19 MiB, 2 passes): about 20 ms here, and little memory per sign-in.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: For accounts that the admin API makes by the hundred: a twentieth of the work.
_BULK_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
PASSWORD_BYTES_MAX = 1024


def hash_password(password: str, *, in_bulk: bool = False) -> str:
    """argon2id hash of a password; Invalid for one that is too short or absurdly long."""
    if len(password) < PASSWORD_CHARS_MIN:
        raise Invalid(f"a password needs at least {PASSWORD_CHARS_MIN} characters")
    if len(password.encode()) > PASSWORD_BYTES_MAX:
        raise Invalid(f"a password may have at most {PASSWORD_BYTES_MAX} bytes")
    return (_BULK_HASHER if in_bulk else _HASHER).hash(password)


def is_password_right(password_hash: str | None, password: str) -> bool:
    """The password belongs to the hash. Without a hash it costs the same time and is False."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


#: So that an unknown user takes as long as a wrong password.
_NOBODY = _HASHER.hash("nobody has this password")

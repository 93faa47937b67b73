"""The directory of everything the server keeps, and the owner's key in it."""

from __future__ import annotations

import os
from pathlib import Path

from steelyard.errors import CannotStart

OWNER_KEY_FILE = "owner.key"


def make_data_dir(data_dir: Path) -> None:
    """The data directory, for this user only when it is made now. CannotStart when impossible."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise CannotStart(
            f"cannot make the data directory {data_dir} ({error.strerror}); choose another"
        ) from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise CannotStart(f"cannot write to the data directory {data_dir}; choose another")


def write_owner_key(path: Path, key: str) -> None:
    """The key in a file that only this user can read, from its first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())

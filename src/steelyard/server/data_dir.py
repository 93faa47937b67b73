"""The directory of everything the server keeps, and the owner's key in it."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from steelyard.errors import CannotStart

try:
    import fcntl
except ImportError:  # Windows: what a killed restore left stays there
    fcntl = None  # type: ignore[assignment]

OWNER_KEY_FILE = "owner.key"
RESTORING = ".restoring"


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


@contextlib.contextmanager
def restoring_directory(data_dir: Path) -> Iterator[Path]:
    """A new directory beside the data directory, gone on leaving unless it was renamed.

    It is locked while a restore works in it: when that is killed, the next restore to the same
    place, or the next start of a server there, removes what it left.
    """
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    remove_interrupted_restores(data_dir)
    building = data_dir.with_name(f".{data_dir.name}.{secrets.token_hex(4)}{RESTORING}")
    building.mkdir(mode=0o700)
    descriptor = _lock(building)
    try:
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def remove_interrupted_restores(data_dir: Path) -> int:
    """Remove what killed restores to this place left beside it; how many there were."""
    data_dir = data_dir.absolute()
    removed = 0
    for left in data_dir.parent.glob(f".{glob.escape(data_dir.name)}.*{RESTORING}"):
        descriptor = _lock(left)
        if descriptor is None:  # a restore is working in it
            continue
        shutil.rmtree(left, ignore_errors=True)
        os.close(descriptor)
        removed += 1
    return removed


def _lock(directory: Path) -> int | None:
    """A lock that ends with its descriptor or its process; None where somebody else has it."""
    if fcntl is None:
        return None
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor

"""A log in a shared directory: numbered entries, each written whole, by one process, once.

An entry is written to a file of its own, made safe, and then given its number with link(2), which
fails where the number is taken. That is decided by the file server, so it holds between machines,
without locks that a dead process may leave or that a mount option turns off. Whoever was not first
reads what was, and decides anew. See docs/decisions/0025.
"""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from steelyard.errors import Unavailable, UsageError
from steelyard.sdk.journal.folder import make_writer_name

_DIGITS: Final = 12
_NO_LINKS: Final = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}


class EntryLog:
    """The entries in `path`. Any number of processes and threads may read and append."""

    def __init__(self, path: Path) -> None:
        self.path: Path = path

    def place_of(self, number: int) -> Path:
        return self.path / f"{number:0{_DIGITS}d}"

    def is_there(self) -> bool:
        """Whether there is a first entry. Raises Unavailable where nobody can tell."""
        try:
            self.place_of(0).stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):  # of a text with a NUL
            return False
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return False
            raise _unavailable(self.path, "read", error) from error
        return True

    def read_on(self, number: int) -> Iterator[tuple[int, bytes | None]]:
        """(number, content) of each entry from `number` on; None for one that is damaged.

        Raises Unavailable when the directory cannot be read.
        """
        while (content := self._read(number)) is not None:
            yield number, unseal(content)
            number += 1

    def append(self, number: int, content: bytes) -> bool:
        """Make `content` the entry of that number; False where another entry has it.

        It is on disk when this returns. Raises Unavailable when the disk is full or away: then it
        is in the log or it is not, and who reads on sees which.
        """
        place = self.place_of(number)
        temporary = self.path / f".{os.getpid()}-{make_writer_name()}"
        try:
            try:
                write_safely(temporary, seal(content))
                return self._claim(temporary, place)
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink()
        except OSError as error:
            raise _unavailable(self.path, "written", error) from error

    def _claim(self, temporary: Path, place: Path) -> bool:
        try:
            os.link(temporary, place)
        except FileExistsError:
            # A file server whose answer was lost is asked again, and finds our own entry there.
            # nfs(5), open(2) on O_EXCL: the count of links tells.
            if temporary.stat().st_nlink != 2:
                return False
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise UsageError(
                    f"the file system of {self.path} has no hard links ({error.strerror}), which "
                    "keep agents apart here; put the sweep on another one, or use a server"
                ) from None
            raise
        sync_directory(self.path)
        return True

    def _read(self, number: int) -> bytes | None:
        try:
            return self.place_of(number).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unavailable(self.path, "read", error) from error


def seal(content: bytes) -> bytes:
    """The content behind its checksum: one line, if it is one."""
    return b"%08x %s\n" % (zlib.crc32(content), content)


def unseal(sealed: bytes) -> bytes | None:
    """The content, or None where it is not what was sealed."""
    checksum, separator, content = sealed.partition(b" ")
    if not separator or not content.endswith(b"\n") or len(checksum) != 8:
        return None
    content = content[:-1]
    return content if checksum == b"%08x" % zlib.crc32(content) else None


def write_safely(path: Path, content: bytes) -> None:
    """Write a new file, and have it on disk. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    fd = os.open(path, flags, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_sealed(path: Path, content: bytes) -> None:
    """Replace a file as a whole: who reads it sees the old content or the new. Raises OSError.

    Not made safe against a power cut: what is kept so can be said again.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{make_writer_name()}")
    try:
        temporary.write_bytes(seal(content))
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read_sealed(path: Path) -> bytes | None:
    """The content of such a file; None where it is not there, or not whole."""
    try:
        return unseal(path.read_bytes())
    except OSError:
        return None


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk, where the file system knows how."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no directories
        return
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)


def _unavailable(path: Path, verb: str, error: OSError) -> Unavailable:
    return Unavailable(
        f"the sweep in {path.parent.parent} cannot be {verb} ({error.strerror or error}); "
        "nothing is lost, and it is tried again"
    )

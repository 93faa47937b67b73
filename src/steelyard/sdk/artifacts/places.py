"""Where files of an artifact may be written: below one directory, whatever the manifest says."""

from __future__ import annotations

import os
import threading

from steelyard.errors import Invalid
from steelyard.sdk.artifacts.names import check_path


class Root:
    """A directory that files are written below, and never beside. Threads may share it."""

    def __init__(self, path: str) -> None:
        self.path: str = path
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    def place(self, name: str) -> str:
        """The path of a file in it. Raises Invalid for a name that leads out of it."""
        return os.path.join(self.path, *check_path(name).split("/"))  # noqa: PTH118

    def make_parents(self, name: str) -> str:
        """The path of a file whose directory exists.

        A part of the path that is a symbolic link is refused: what it leads to is not below this
        directory. Raises Invalid for it, NotADirectoryError where a file is in the way.
        """
        parts = check_path(name).split("/")
        folder = self.path
        key = "/".join(parts[:-1])
        with self._lock:
            if key not in self._checked:
                if not os.path.isdir(folder):  # noqa: PTH112
                    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                for part in parts[:-1]:
                    folder = os.path.join(folder, part)  # noqa: PTH118
                    _make_directory(folder, name)
                self._checked.add(key)
        return os.path.join(self.path, *parts)  # noqa: PTH118


def _make_directory(folder: str, name: str) -> None:
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileExistsError:
        if os.path.islink(folder):  # noqa: PTH114
            raise Invalid(
                f"{name!r} is not written: {folder} is a symbolic link, and files of an artifact "
                "stay below the directory they are downloaded to; remove the link"
            ) from None
        if not os.path.isdir(folder):  # noqa: PTH112
            raise NotADirectoryError(20, "a file is where a directory has to be", folder) from None

"""A run folder as the sender sees it: who it is, and who is sending it."""

from __future__ import annotations

import os

from steelyard.sdk.sender.tail import read_json

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any


class FolderLock:
    """Held by whoever uploads a run folder."""

    def __init__(self, run_dir: str) -> None:
        self._path = os.path.join(run_dir, "lock")  # noqa: PTH118
        self._fd = -1

    def acquire(self) -> bool:
        """Whether it is ours now; does not wait. Raises OSError when the folder is gone."""
        import fcntl

        if self._fd >= 0:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_run_facts(run_dir: str) -> dict[str, Any] | None:
    """run.json of a folder, if it is one we understand."""
    facts = read_json(os.path.join(run_dir, "run.json"))  # noqa: PTH118
    if facts is None or facts.get("version") != 1:
        return None
    texts = (facts.get("run"), facts.get("project"), facts.get("writer"))
    return facts if all(isinstance(text, str) and text for text in texts) else None


def ask_for_upload(run_dir: str, name: str) -> None:
    """Have a file below `files/` sent. Raises OSError."""
    import json

    line = json.dumps({"path": name, "source": None, "policy": "now"}) + "\n"
    with open(os.path.join(run_dir, "files.jsonl"), "ab") as file:  # noqa: PTH118, PTH123
        file.write(line.encode())

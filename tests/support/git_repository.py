"""Real git repositories for tests, independent of the settings of whoever runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
DEFAULTS = ("-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")
QUIET = ("-c", "commit.gpgSign=false", "-c", "core.autocrlf=false", "-c", "gc.auto=0")


class GitRepository:
    """A repository at `root`; `git` runs a command in it and gives back what it says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *DEFAULTS, *QUIET, *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    def write(self, name: str, content: str | bytes) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, name: str = "train.py", content: str | bytes = "print(1)\n") -> str:
        """Commit a file; the id of the commit."""
        self.write(name, content)
        self.git("add", "--all")
        self.git("commit", "-m", f"write {name}")
        return self.git("rev-parse", "HEAD")

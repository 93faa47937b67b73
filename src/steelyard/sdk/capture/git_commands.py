"""What only the git program can tell: what was changed since the last commit. Bounded in time.

A repository may be huge, on a slow file system, or name programs to run; so each command has a
limit after which it is killed with its children, optional locks are not taken, and no monitor,
pager, external diff or prompt is started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # the sender only
import threading

from steelyard import limits
from steelyard.sdk.capture.git import COMMIT_ID, WorkTree

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import BinaryIO

# What is worth naming when git does not know it: without it the commit does not run.
CODE_SUFFIXES = (
    *(
        ".py",
        ".pyx",
        ".ipynb",
        ".sh",
        ".yaml",
        ".yml",
        ".toml",
        ".cfg",
        ".ini",
        ".json",
        ".jsonnet",
    ),
    *(".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".rs", ".go", ".jl", ".r", ".lua", ".sql"),
    *("Makefile", "Dockerfile", "requirements.txt"),
)


def read_commit(tree: WorkTree) -> str | None:
    """HEAD's commit by git's own word, for stores of refs that only git reads."""
    with GitCommand(tree, "rev-parse", "--verify", "--quiet", "HEAD") as output:
        text = output.read(200).decode("utf-8", "replace").strip()
    return text if COMMIT_ID.fullmatch(text) else None


def is_dirty(tree: WorkTree) -> bool | None:
    """Whether tracked files differ from HEAD; None when git does not say in time."""
    status = GitCommand(tree, "status", "--porcelain=v1", "-z", "--untracked-files=no")
    with status as output:
        found = bool(output.read(1))
    return found if found or status.is_whole else None


def list_untracked_code(tree: WorkTree) -> list[str]:
    """Code files that git neither knows nor ignores, at most UNTRACKED_FILES_NAMED_MAX."""
    names: list[str] = []
    with GitCommand(tree, "ls-files", "--others", "--exclude-standard", "-z") as output:
        data = output.read(limits.UNTRACKED_BYTES_READ_MAX)
    for name in data.split(b"\0")[:-1]:
        text = name.decode("utf-8", "replace")
        if text.endswith(CODE_SUFFIXES):
            names.append(text)
            if len(names) >= limits.UNTRACKED_FILES_NAMED_MAX:
                break
    return sorted(names)


def start_diff(tree: WorkTree) -> GitCommand:
    """`git diff HEAD`, submodules included; its output is read as that of any command."""
    return GitCommand(
        tree,
        *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/"),
        *("--dst-prefix=b/", "--submodule=diff", "HEAD", "--"),
    )


class GitCommand:
    """A git command whose output is read: killed after GIT_COMMAND_S, or when the reader stops.

    Where there is no git, or it refuses, the output is empty and `is_whole` False.
    """

    def __init__(self, tree: WorkTree, *arguments: str) -> None:
        self._command = [
            *("git", "--no-pager", "--no-optional-locks", "--literal-pathspecs"),
            *("-c", "core.fsmonitor=false", "-c", "core.quotePath=false"),
            # Given both, variables such as GIT_DIR, set inside hooks, have no say.
            *(f"--git-dir={tree.git_dir}", f"--work-tree={tree.root}", *arguments),
        ]
        self._root = tree.root
        self._process: subprocess.Popen[bytes] | None = None
        self._timer = threading.Timer(limits.GIT_COMMAND_S, self._kill)
        self.is_whole = False

    def __enter__(self) -> BinaryIO:
        import io

        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own arguments
                self._command,
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # so that killing takes its children along
            )
        except OSError:  # no git, or the directory is gone
            return io.BytesIO()
        self._timer.daemon = True
        self._timer.start()
        stdout = self._process.stdout
        assert isinstance(stdout, io.BufferedReader)
        return stdout

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdout is not None
        # A reader that took everything finds the end here; one that has enough does not wait.
        has_ended = not process.stdout.read(1)
        if not has_ended:
            self._kill()
        process.stdout.close()
        code = process.wait()
        self._timer.cancel()
        self.is_whole = has_ended and code == 0

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)

"""`files/output.log`: what the process printed, as a file, for those who read it as one."""

from __future__ import annotations

import os

from steelyard.limits import JOURNAL_UPLOAD_BYTES
from steelyard.sdk.sender.tail import Journal, RunTail
from steelyard.sdk.sender.unpack import decode_body, kind_of
from steelyard.wire.journal import CONSOLE, HEADER, HEADER_BYTES

NAME = "output.log"


def write_output_log(run_dir: str) -> bool:
    """Write it from the journals; False when nothing was printed. Raises OSError.

    A line that was drawn over with carriage returns, as progress bars are, stands there as it
    was last.
    """
    tail = RunTail(run_dir)
    tail.refresh()
    path = os.path.join(run_dir, "files", NAME)  # noqa: PTH118
    writers = sorted((j for j in tail.journals.values() if not j.is_of_sender), key=_by_age)
    has_text = False
    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for journal in writers:
            pending = ""
            while chunk := journal.read(JOURNAL_UPLOAD_BYTES):
                journal.acknowledged += len(chunk.data)
                for text in _texts(chunk.data):
                    has_text = True
                    *lines, pending = (pending + text).split("\n")
                    file.writelines(_as_last_drawn(line) + "\n" for line in lines)
                    if "\r" in pending:
                        pending = pending[pending.rstrip("\r").rfind("\r") + 1 :]
            if pending:
                file.write(_as_last_drawn(pending) + "\n")
    if has_text:
        os.replace(temporary, path)  # noqa: PTH105
    else:
        os.unlink(temporary)  # noqa: PTH108
    return has_text


def _texts(data: bytes) -> list[str]:
    """The text of the console records among whole records."""
    found = []
    view, at = memoryview(data), 0
    while at < len(data):
        start = at + HEADER_BYTES
        at = start + HEADER.unpack_from(data, at)[0]
        if kind_of(view[start : start + 8]) == CONSOLE:
            try:
                found.append(str(decode_body(view[start:at])[3][1]))
            except (ValueError, TypeError, IndexError):
                continue
    return found


def _as_last_drawn(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _by_age(journal: Journal) -> tuple[float, str]:
    try:
        return os.stat(journal.segments[0][1]).st_ctime, journal.writer  # noqa: PTH116
    except OSError:
        return 0.0, journal.writer

"""The artifacts that tables are logged as, and tables that are logged in increments.

Source: wandb 0.31.0 sdk/internal/incremental_table_util.py.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import UsageError
from steelyard.limits import NAME_CHARS_MAX
from steelyard.sdk.media.places import cut_name

if TYPE_CHECKING:
    from steelyard.sdk.run import Run
    from steelyard.sdk.tables.table import Table

INCREMENTAL_TYPE: Final = "wandb-run-incremental-table"


def new_artifact(name: str, type: str, *, is_incremental: bool = False) -> Any:
    """An artifact of the client's own. A name that is too long ends in a checksum of it."""
    from steelyard.sdk.artifacts.artifact import make_internal
    from steelyard.sdk.artifacts.names import clean_internal_name

    clean = clean_internal_name(name.encode("utf-8", "backslashreplace").decode())
    if len(clean) > NAME_CHARS_MAX:
        checksum = zlib.crc32(clean.encode())
        clean = f"{clean[: NAME_CHARS_MAX - 9]}-{checksum:08x}"
    return make_internal(clean, type, incremental=is_incremental)


def safe_entry_name(key: str) -> str:
    """The key as the name of a table in its artifact, where it is no name of a file."""
    text = key.encode("utf-8", "backslashreplace").decode()
    text = "".join(char if ord(char) >= 32 and ord(char) != 127 else "_" for char in text)
    parts = ["_" if part in (".", "..") else cut_name(part) for part in text.split("/") if part]
    return "/".join(parts) or "_"


def begin(run: Run, key: str, table: Table) -> tuple[Any, str]:
    """(artifact, name of the table in it) for the next increment."""
    is_first = table._previous_increments_paths is None and table._increment_num is None
    if table._run_target_for_increments not in (None, run):
        raise UsageError("a table with log_mode='INCREMENTAL' is logged into one run only")
    table._run_target_for_increments = run
    if run.resumed and is_first:
        _go_on(run, key, table)
    artifact = new_artifact(f"run-{run.id}-incr-{key}", INCREMENTAL_TYPE, is_incremental=True)
    return artifact, f"{table._increment_num or 0}-{time.time_ns() // 1_000_000}.{key}"


def _go_on(run: Run, key: str, table: Table) -> None:
    """Count on from what the run had under that key when it was resumed."""
    last = run.summary._as_dict().get(key)
    if not isinstance(last, dict) or last.get("_type") != "incremental-table-file":
        return
    before = list(last.get("previous_increments_paths") or ())
    if last.get("artifact_path"):
        before.append(last["artifact_path"])
    table._previous_increments_paths = before
    table._increment_num = int(last.get("increment_num") or 0) + 1

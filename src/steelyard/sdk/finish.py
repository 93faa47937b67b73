"""The end of a run: its last files, the wait for the server, and what is said then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.limits import FINISH_TIMEOUT_S_MAX
from steelyard.sdk import terminal

if TYPE_CHECKING:
    from steelyard.sdk.journal.folder import RunFolder
    from steelyard.sdk.sender.launch import Progress, SenderHandle

FAILURES_NAMED_MAX = 5  # artifacts that were not sent
YAML_KEY_CHARS_MAX = 1000  # a longer key must be marked as one: YAML 1.1, section 10.2


def write_last_files(
    folder: RunFolder, config: Mapping[str, Any], summary: Mapping[str, Any]
) -> None:
    """Leave config.yaml and wandb-summary.json among the files, as the official client does.

    Both say again what the journal says; where they cannot be written, nothing is missing.
    """
    import json

    from steelyard.sdk.journal.folder import append_to_files_list

    texts = {
        "config.yaml": encode_config_yaml(config),
        "wandb-summary.json": json.dumps(summary),
    }
    for name, text in texts.items():
        try:
            (folder.files_dir / name).write_text(text, encoding="utf-8")
            append_to_files_list(folder, name, source=None, policy="now")
        except OSError as problem:
            terminal.termwarn(f"cannot write {folder.files_dir / name}: {problem.strerror}")
            return


def encode_config_yaml(config: Mapping[str, Any]) -> str:
    """The config as YAML, each key with its `value` below it.

    Values are in YAML's flow style, which is JSON but for numbers that are none.
    """
    lines = []
    for key, value in config.items():
        lines += [f"{_encode_key(key)}:", f"    value: {_encode_flow(value)}"]
    return "\n".join(lines) + "\n" if lines else "{}\n"


def _encode_key(key: str) -> str:
    text = _encode_flow(key)
    return text if len(text) <= YAML_KEY_CHARS_MAX else f"? {text}\n"


def _encode_flow(value: Any) -> str:
    import json

    if isinstance(value, Mapping):
        inner = (f"{_encode_key(str(key))}: {_encode_flow(item)}" for key, item in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_encode_flow(item) for item in value) + "]"
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        # YAML takes no halves of surrogate pairs, as JSON does, and no raw DEL.
        return text.encode("ascii", "backslashreplace").decode().replace("\x7f", "\\x7f")
    if isinstance(value, float):
        if "e" in text and "." not in text:  # 1e+16 is text to YAML 1.1, 1.0e+16 a number
            text = text.replace("e", ".0e")
        return {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}.get(text, text)
    return text


def wait_until_sent(
    sender: SenderHandle, run_dir: Path, timeout_s: float
) -> tuple[Progress | None, bool]:
    """(how far the upload got in that time, whether Ctrl-C ended the waiting).

    On a terminal one line says how it goes. `timeout_s` 0 waits until everything is sent.
    """
    latest: list[Progress] = []
    line = _ProgressLine()

    def show(progress: Progress) -> None:
        latest[:] = [progress]
        line.show(progress)

    try:
        return sender.flush(
            run_dir, timeout_s=timeout_s or FINISH_TIMEOUT_S_MAX, on_progress=show
        ), False
    except KeyboardInterrupt:
        return (latest[0] if latest else None), True
    finally:
        line.clear()


class _ProgressLine:
    """One line of a terminal, rewritten."""

    def __init__(self) -> None:
        self._is_on = terminal.is_terminal() and terminal.is_said("info")
        self._width = 0

    def show(self, progress: Progress) -> None:
        if self._is_on and not progress.is_final:
            text = f"steelyard: sending, {describe_rest(progress)} left"
            if progress.state == "waiting" and progress.message:
                text += f" ({progress.message})"
            self._write(text[:200])

    def clear(self) -> None:
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(f"\r{text.ljust(self._width)}\r" if not text else f"\r\x1b[K{text}")
            sys.stderr.flush()
        except (OSError, ValueError):
            self._is_on = False
        self._width = len(text)


def describe_rest(progress: Progress) -> str:
    """What is not sent yet: "3.4 MB", "3.4 MB and 2 files", "1 artifact (2.1 GB)"."""
    parts = []
    size = max(progress.total - progress.acknowledged, 0)
    if size or not (progress.files_left or progress.artifacts_left):
        parts.append(describe_size(size))
    if progress.files_left:
        parts.append(f"{progress.files_left:,} file{'s' * (progress.files_left != 1)}")
    if progress.artifacts_left:
        text = f"{progress.artifacts_left:,} artifact{'s' * (progress.artifacts_left != 1)}"
        if progress.artifact_bytes_left:
            text += f" ({describe_size(progress.artifact_bytes_left)})"
        parts.append(text)
    return " and ".join(parts)


def describe_size(size_bytes: int) -> str:
    """The number of bytes in a few characters."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    for power, unit in ((1, "kB"), (2, "MB")):
        if size_bytes < 1000 ** (power + 1):
            return f"{size_bytes / 1000**power:.1f} {unit}"
    return f"{size_bytes / 1000**3:.1f} GB"


def say_end(
    *,
    name: str,
    mode: str,
    run_dir: Path,
    url: str | None,
    progress: Progress | None,
    was_interrupted: bool,
    lost_count: int,
) -> None:
    """The last words about a run: whether all of it is sent, and if not, what to do."""
    if progress is not None and progress.artifacts_failed:
        count = progress.artifacts_failed
        what = f"{count:,} artifacts were" if count > 1 else "1 artifact was"
        lines = [f"{what} not sent with run {name}:", *_list_failures(run_dir)]
        terminal.termerror("\n".join(lines))
    where = _short(run_dir)
    sync = f"steelyard sync {_quote(where)}"
    if lost_count:
        terminal.termerror(
            f"{lost_count:,} records of run {name} found no space on the disk and are lost; "
            f"make room at {where}"
        )
    if mode == "local":
        terminal.termlog(f"Run {name} is kept in {where}; see it: steelyard up")
    elif mode == "offline":
        terminal.termlog(f"Run {name} is kept in {where}; send it: {sync}")
    elif progress is not None and progress.state == "done":
        terminal.termlog(f"Run {name} has ended and is sent" + (f": {url}" if url else ""))
    elif not run_dir.is_dir():
        terminal.termerror(
            f"Run {name}: the folder {where} was removed while it ran; "
            "what was not sent before that is lost"
        )
    elif progress is not None and progress.is_final:
        reason = f": {progress.message}" if progress.message else ""
        terminal.termerror(
            f"Run {name} is not sent, {describe_rest(progress)} left{reason}\n"
            f"Everything is kept in {where}; send it: {sync}"
        )
    else:
        rest = f"{describe_rest(progress)} of run {name}" if progress else f"run {name}"
        reason = f" ({progress.message})" if progress and progress.message else ""
        stopped = "Stopped waiting: " if was_interrupted else "Not sent in time: "
        terminal.termwarn(
            f"{stopped}{rest}{reason}; the sender goes on in the background\n"
            f"Make sure of it later: {sync}"
        )


def _list_failures(run_dir: Path) -> list[str]:
    """Why artifacts were not sent, a line each."""
    from steelyard.sdk.sender.run_files import read_lines

    lines, _ = read_lines(str(run_dir / "artifacts.ack.jsonl"), 0)
    failed = [line for line in lines if line.get("error")]
    return [f"  {line.get('name')}: {line['error']}" for line in failed[:FAILURES_NAMED_MAX]]


def _short(path: Path) -> str:
    """The path as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _quote(path: str) -> str:
    import shlex

    return shlex.quote(path)

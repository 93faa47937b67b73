"""The journal alone: what `log` costs at least, without a run around it."""

from pathlib import Path


def load() -> None:
    global JournalWriter
    from steelyard.sdk.journal.writer import JournalWriter


def init(work: str) -> None:
    global _append, _writer
    (Path(work) / "journal").mkdir()
    _writer = JournalWriter.create(Path(work), writer="bench0000000", start={"v": 1})
    _append = _writer.append_history


def log(step: int, row: dict[str, float]) -> None:
    _append(step, False, row)


def finish() -> None:
    _writer.close()


def count(work: str) -> int:
    from drivers.steelyard_offline import count_steps

    return count_steps(Path(work))

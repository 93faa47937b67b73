"""From the official client's log of a run to a journal of ours.

One log becomes one journal, the same bytes each time, and what a longer log adds stands at its
end: so the server takes a journal that is sent again, or after the run went on, for what it is.
Values keep the JSON text that the client wrote.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from steelyard.errors import Torn
from steelyard.limits import JOURNAL_RECORD_BYTES_MAX
from steelyard.sdk import wandb_records as records
from steelyard.sdk.wandb_environment import read_environment
from steelyard.wire import journal

WRITER_CHARS: Final = 12
CONSOLE_CHARS_GATHERED: Final = 4096
CRASHED_EXIT_CODE: Final = 255
#: In the config, what the client keeps there for itself.
OWN_KEY: Final = "_wandb"

_PLAIN_VALUE = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity"
)
_encode_text = json.JSONEncoder(ensure_ascii=False).encode
_encode = json.JSONEncoder(separators=(",", ":")).encode

#: JSON text by key; a dict where the client wrote a path.
Texts = dict[str, Any]


class Translation:
    """The journal of one log. Iterate over `translate`; the rest tells what came by so far.

    Attributes:
        run: what the client said of its run last; None before it said anything.
        exit: how the process ended; None while it runs, or when it died without a word.
        row_count: rows of the history.
        notices: what is in the log and not in the journal, with how often.
        last_us: the latest moment the log speaks of, microseconds UTC.
        environment: facts of the process, in the names of the client's own JSON.
    """

    def __init__(self, on_artifact: Callable[[bytes], None] = lambda content: None) -> None:
        """`on_artifact` hears of every artifact that was logged: its record."""
        self._on_artifact = on_artifact
        self.run: records.RunInfo | None = None
        self.exit: records.Exit | None = None
        self.row_count = 0
        self.record_count = 0
        self.notices: Counter[str] = Counter()
        self.last_us = 0
        self.environment: dict[str, Any] = {}
        self._started_us = 0
        self._number = 0
        self._config: dict[str, Any] = {}
        self._visualize: Any = None
        self._is_relative: bool | None = None
        self._last_step = -1
        self._stream = ""
        self._printed: list[str] = []
        self._printed_chars = 0
        self._printed_us = 0
        self._translators: dict[str, Callable[[records.Record], Iterable[bytes]]] = {
            "run": self._translate_run,
            "history": self._translate_row,
            "summary": self._translate_summary,
            "config": lambda record: self._change_config(records.read_changes(record.content)),
            "stats": self._translate_stats,
            "output": self._translate_output,
            "output_raw": self._translate_output,
            "output_logger": self._translate_output,
            "metric": self._translate_metric,
            "environment": self._translate_environment,
            "alert": self._translate_alert,
            "preempting": lambda _: [self._record(journal.PREEMPTING, "{}")],
            "exit": self._translate_exit,
            "artifact": self._pass_artifact,
            "tbrecord": self._pass_directory,
        }

    @property
    def writer(self) -> str:
        """Name of the journal's writer: the same for the same process, whatever its run is called
        on the server."""
        assert self.run is not None
        seed = f"{self._first_run_id}\0{self._started_us}\0{self._host}".encode()
        return f"w{hashlib.sha256(seed).hexdigest()[: WRITER_CHARS - 1]}"

    @property
    def config(self) -> dict[str, Any]:
        """The config, without what the client keeps there for itself."""
        return {key: value for key, value in self._config.items() if key != OWN_KEY}

    def translate(self, messages: Iterable[bytes]) -> Iterator[bytes]:
        """The journal's records, START first; none before the log says what the run is."""
        for message in messages:
            self.record_count += 1
            try:
                record = records.read_record(message)
                if record is None or (self.run is None and record.kind != "run"):
                    continue
                translator = self._translators.get(record.kind)
                made = () if translator is None else list(translator(record))
            except Torn:
                self.notices["a message that cannot be read"] += 1
                continue
            yield from made

    def translate_crash(self, *, run_id: str, project: str) -> tuple[str, bytes]:
        """(writer, journal) that says that the process of this log died without a word.

        A journal of its own, because the log may have more to say after all.
        """
        writer = f"{self.writer}-{self.record_count}-s"
        start = {"v": journal.VERSION, "role": "sender", "writer": writer}
        parts: list[tuple[int, Any]] = [
            (journal.START, start | {"run": run_id, "project": project})
        ]
        if self._printed:
            parts.append((journal.CONSOLE, [self._stream, "".join(self._printed)]))
        end = {"writer": self.writer, "exit_code": CRASHED_EXIT_CODE, "is_crash": True}
        parts.append((journal.FINISH, end))
        encoded = [
            journal.encode_json_record(kind, number, self.last_us, payload)
            for number, (kind, payload) in enumerate(parts)
        ]
        return writer, b"".join(encoded)

    # ---- records

    def _record(self, kind: int, payload: str, time_us: int | None = None) -> bytes:
        """A record of a payload in JSON; of now, as far as the log knows, without a time."""
        if time_us is not None and 0 < time_us < 2**62:
            self.last_us = max(self.last_us, time_us)
        else:
            time_us = self.last_us
        # Halves of surrogate pairs cannot be encoded; the server would make them "?" as well.
        text = f"[{kind},{self._number},{time_us},{payload}]"
        self._number += 1
        return journal.frame(text.encode("utf-8", "replace"))

    def _translate_run(self, record: records.Record) -> Iterator[bytes]:
        run = records.read_run(record.content)
        before, self.run = self.run, run
        if before is None:
            self._started_us = self.last_us = max(run.started_at_us or 0, 0)
            self._first_run_id, self._host = run.run_id, run.host or ""
            yield self._record(journal.START, _encode(self._start(run)))
            facts: dict[str, Any] = {"host": run.host} if run.host else {}
            if run.git:
                facts["git"] = run.git
            if facts:
                yield self._record(journal.METADATA, _encode(facts))
        else:
            names = ("display_name", "notes", "tags", "group", "job_type")
            changed = {
                name: getattr(run, name)
                for name in names
                if getattr(run, name) != getattr(before, name) and getattr(run, name) is not None
            }
            if changed:
                yield self._record(journal.RUN, _encode(changed))
        yield from self._change_config(run.config)

    def _start(self, run: records.RunInfo) -> dict[str, Any]:
        """Nothing in it depends on where the run is sent, so that the length stays the same."""
        start: dict[str, Any] = {
            "v": journal.VERSION,
            "role": "process",
            "writer": self.writer,
            "run": run.run_id,
            "mode": "offline",
            "resume": "allow" if run.is_resumed else None,
            "display_name": run.display_name,
            "notes": run.notes,
            "tags": run.tags or None,
            "group": run.group,
            "job_type": run.job_type,
            "sweep": run.sweep,
            "client": run.client,
            "python": run.python,
            "started_at_us": run.started_at_us,
        }
        if run.branch is not None:
            way = "resume_from" if run.branch.run == run.run_id else "fork_from"
            point: dict[str, Any] = {"run": run.branch.run, "step": run.branch.step}
            start[way] = point
        return {key: value for key, value in start.items() if value is not None}

    def _translate_row(self, record: records.Record) -> Iterator[bytes]:
        row = records.read_row(record.content)
        texts = _nest(row.items)
        time_us, step = _take_time(texts), _take_step(texts)
        if row.step is not None:
            step = row.step
        if step is None:
            step = self._last_step + 1
        self._last_step = step
        self.row_count += 1
        assert self.run is not None
        if self._is_relative is None:
            # A resumed run whose rows begin at 0 counts its rows itself: offline, the client does
            # not know where the run stands. The server does.
            self._is_relative = self.run.is_resumed and step == 0
        if self.run.is_resumed:
            texts.pop("_runtime", None)  # of this process; the server adds that of the others
        automatic = "true" if self._is_relative else "false"
        for part in self._split(texts):
            yield self._record(journal.HISTORY, f"[{step},{automatic},{part}]", time_us)

    def _split(self, texts: Texts) -> Iterator[str]:
        """The row as JSON, in several parts when it is larger than a record may be."""
        text = _dump(texts)
        room = JOURNAL_RECORD_BYTES_MAX - 1024
        if len(text) * 4 <= room or len(text.encode("utf-8", "replace")) <= room:
            yield text
            return
        if len(texts) > 1:
            keys = list(texts)
            middle = len(keys) // 2
            for half in (keys[:middle], keys[middle:]):
                yield from self._split({key: texts[key] for key in half})
            return
        self.notices[f"a value of {next(iter(texts))!r}, which is larger than {room:,} bytes"] += 1
        yield "{}"

    def _translate_summary(self, record: records.Record) -> Iterator[bytes]:
        """What the user set. The summary of each row is the server's to make."""
        if not record.is_users:
            return
        changes = records.read_changes(record.content)
        texts = _nest([item for item in changes.update if item.path[:1] != (OWN_KEY,)])
        removed = [path[0] for path in changes.remove if len(path) == 1]
        if texts or removed:
            payload = f'{{"set":{_dump(texts)},"delete":{_encode(removed)}}}'
            yield self._record(journal.SUMMARY, payload)

    def _change_config(self, changes: records.Changes) -> Iterator[bytes]:
        before = dict(self._config)
        for item in changes.update:
            _put(self._config, item.path, _decode(item.text))
        for path in changes.remove:
            _remove(self._config, path)
        changed = {
            key: value
            for key, value in self._config.items()
            if key != OWN_KEY
            and (key not in before or before[key] is not value)
            # An equal value that was sent before need not be sent again; NaN is never equal.
            and (key not in before or _encode(before[key]) != _encode(value))
        }
        own = self._config.get(OWN_KEY)
        visualize = own.get("visualize") if isinstance(own, dict) else None
        if visualize and visualize != self._visualize:  # charts the user made
            self._visualize = json.loads(_encode(visualize))
            changed[OWN_KEY] = {"visualize": visualize}
        deleted = [key for key in before if key not in self._config]
        if changed or deleted:
            yield self._record(journal.CONFIG, _encode({"set": changed, "delete": deleted}))

    def _translate_stats(self, record: records.Record) -> Iterator[bytes]:
        stats = records.read_stats(record.content)
        # wandb 0.31 core/internal/filestream: names of samples are prefixed on their way.
        texts = {f"system.{key}": _checked(text) for key, text in stats.items}
        if texts:
            yield self._record(journal.SYSTEM, _dump(texts), stats.time_us)

    def _translate_metric(self, record: records.Record) -> Iterator[bytes]:
        metric = records.read_metric(record.content)
        if metric is not None and not metric.is_from_glob:  # the server knows the glob itself
            yield self._record(journal.METRIC, _encode(metric.payload))

    def _translate_environment(self, record: records.Record) -> Iterator[bytes]:
        facts = read_environment(record.content)
        self.environment |= facts
        yield self._record(journal.METADATA, _encode(facts))

    def _translate_alert(self, record: records.Record) -> Iterator[bytes]:
        yield self._record(journal.ALERT, _encode(records.read_alert(record.content)))

    def _translate_exit(self, record: records.Record) -> Iterator[bytes]:
        yield from self._flush_console()
        self.exit = records.read_exit(record.content)
        if self.exit.is_complete:
            yield self._record(journal.FINISH, _encode({"exit_code": self.exit.exit_code}))

    def _pass_artifact(self, record: records.Record) -> Iterable[bytes]:
        self._on_artifact(record.content)
        return ()

    def _pass_directory(self, record: records.Record) -> Iterable[bytes]:
        directory = records.read_directory(record.content)
        self.notices[f"TensorBoard files in {directory}"] += 1
        return ()

    # ---- console

    def _translate_output(self, record: records.Record) -> Iterator[bytes]:
        """Pieces are gathered to lines: `print` makes several of each line."""
        if record.kind == "output_logger":
            output = records.read_logger_output(record.content)
        else:
            is_raw = record.kind == "output_raw"
            output = records.read_output(record.content, is_raw=is_raw)
        text = output.text if output.is_raw or output.text.endswith("\n") else output.text + "\n"
        if not text:
            return
        if output.stream != self._stream:
            yield from self._flush_console()
            self._stream = output.stream
        if not self._printed:
            self._printed_us = output.time_us or self.last_us
        self._printed.append(text)
        self._printed_chars += len(text)
        if output.time_us:
            self.last_us = max(self.last_us, output.time_us)
        if text.endswith("\n") or self._printed_chars >= CONSOLE_CHARS_GATHERED:
            yield from self._flush_console()

    def _flush_console(self) -> Iterator[bytes]:
        text = "".join(self._printed)
        self._printed.clear()
        self._printed_chars = 0
        room = JOURNAL_RECORD_BYTES_MAX // 8  # a character is at most 6 bytes of JSON
        for at in range(0, len(text), room):
            piece = f"[{_encode(self._stream)},{_encode(text[at : at + room])}]"
            yield self._record(journal.CONSOLE, piece, self._printed_us)


# ---- values


def _nest(items: Iterable[records.Item]) -> Texts:
    """{key: JSON text, or such a dict below a path}; of a path that comes twice, the last."""
    texts: Texts = {}
    for path, text in ((item.path, item.text) for item in items):
        node = texts
        for key in path[:-1]:
            below = node.get(key)
            if type(below) is not dict:
                below = node[key] = {}
            node = below
        node[path[-1]] = text if _PLAIN_VALUE.fullmatch(text) else _checked(text)
    return texts


def _checked(text: str) -> str:
    """The text if it is JSON, else a JSON string of it."""
    if _PLAIN_VALUE.fullmatch(text):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return _encode(text)
    return text


def _dump(texts: Texts) -> str:
    parts = [
        f"{_encode_text(key)}:{value if type(value) is str else _dump(value)}"
        for key, value in texts.items()
    ]
    return "{" + ",".join(parts) + "}"


def _decode(text: str) -> Any:
    return json.loads(_checked(text))


def _take_time(texts: Texts) -> int | None:
    """Microseconds of `_timestamp`, which stays in the row, as it was given."""
    try:
        seconds = float(texts["_timestamp"])
        return round(seconds * 1e6) if abs(seconds) < 1e12 else None
    except (KeyError, TypeError, ValueError):
        return None


def _take_step(texts: Texts) -> int | None:
    try:
        return int(texts.pop("_step"))
    except (KeyError, TypeError, ValueError):
        return None


def _put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value by its path; what is changed below the top level is a new object.

    An object is merged into the one that is there: wandb 0.31 core/internal/runconfig.
    """
    below = target.get(path[0])
    if len(path) == 1 and not isinstance(value, dict):
        target[path[0]] = value
        return
    target[path[0]] = copy = dict(below) if isinstance(below, dict) else {}
    if len(path) > 1:
        _put(copy, path[1:], value)
        return
    for key, inner in value.items():
        _put(copy, (key,), inner)


def _remove(target: dict[str, Any], path: tuple[str, ...]) -> None:
    if len(path) == 1:
        target.pop(path[0], None)
    elif isinstance(below := target.get(path[0]), dict):
        target[path[0]] = copy = dict(below)
        _remove(copy, path[1:])

"""The server's log: one line per event on standard error, `key=value` or JSON."""

from __future__ import annotations

import datetime
import logging
import sys
from typing import Literal

import msgspec

from steelyard.server.http.observer import current_request_id

#: What every LogRecord has; the rest was given as `extra` and belongs to the event.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName", "color_message"}


def configure_logs(form: Literal["text", "json"]) -> None:
    """Send every logger to standard error: ours from INFO on, those of libraries from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("steelyard").setLevel(logging.INFO)


class EventFormatter(logging.Formatter):
    """An event with its fields; a traceback is one field, so that a line stays a line."""

    def __init__(self, form: Literal["text", "json"]) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        fields: dict[str, object] = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if not record.name.startswith("steelyard"):
            fields["logger"] = record.name
        if request_id := current_request_id.get():
            fields["request"] = request_id
        fields |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            fields["traceback"] = self.formatException(record.exc_info)
        if self._form == "json":
            return msgspec.json.encode(fields, enc_hook=str).decode()
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())


def _quoted(value: object) -> str:
    text = str(value)
    if text and all(c.isprintable() and c not in ' "=' for c in text):
        return text
    return msgspec.json.encode(text).decode()

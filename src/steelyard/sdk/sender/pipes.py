"""The sender's ends of the two pipes: JSON lines in, JSON lines out. Neither ever blocks."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

READ_BYTES = 65536
WAITING_BYTES_MAX = 1 << 20  # to a parent that does not read, as one that is stopped


class Commands:
    """What the parent says."""

    def __init__(self, fd: int) -> None:
        self.is_closed = False
        self._fd = fd
        self._rest = b""
        self._early: list[dict[str, Any]] = []

    def read_hello(self) -> dict[str, Any] | None:
        """Wait for the first message; None when the parent is gone before it."""
        while not self.is_closed:
            messages = self.read()
            if messages:
                self._early = messages[1:]
                os.set_blocking(self._fd, False)
                hello = messages[0].get("hello")
                return hello if isinstance(hello, dict) else None
        return None

    def read(self) -> list[dict[str, Any]]:
        """Messages that have come."""
        found, self._early = self._early, []
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return found
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return found
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found


class Reports:
    """What we say to the parent. Lost when it is gone."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._waiting = b""
        self._said: set[str] = set()

    def say(self, message: dict[str, Any]) -> None:
        if len(self._waiting) < WAITING_BYTES_MAX:
            self._waiting += json.dumps(message).encode() + b"\n"
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._fd, self._waiting) :]
        except BlockingIOError:
            return  # goes with a later message
        except OSError:
            self._waiting = b""

    def say_once(self, message: dict[str, Any]) -> bool:
        """Whether it is new."""
        text = json.dumps(message)
        if text in self._said:
            return False
        self._said.add(text)
        self.say(message)
        return True

    def notice(self, level: str, text: str) -> bool:
        """Something for the person, each text once."""
        return self.say_once({"notice": {"level": level, "text": text}})

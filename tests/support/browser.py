"""A real browser for tests: Debian's Chromium, by the driver in `browser.mjs` beside this file."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from steelyard.testing.server import ThrowawayServer

DRIVER = Path(__file__).with_name("browser.mjs")
STOP_TIMEOUT_S = 30


def find_login_link(server: ThrowawayServer) -> str:
    """The newest one-time link that `steelyard up` printed, without the server's address."""
    links: list[str] = re.findall(r"/login/once\?token=[\w-]+", server.log)
    return links[-1]


def open_session(server: ThrowawayServer) -> dict[str, str]:
    """The cookies of a browser that has just followed the newest one-time link, which is spent."""
    answer = server.request("GET", find_login_link(server), key="")
    name, value = answer.headers["set-cookie"].split(";")[0].split("=", 1)
    return {name: value}


class StepFailed(AssertionError):
    """A step did not come to its end; the message shows the page as it then was."""


class Browser:
    """Chromium in its own process, for as many visits as there are people in a test."""

    def __init__(self) -> None:
        self._visit_count = 0
        self._driver = subprocess.Popen(
            ["node", str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )

    def visit(self, origin: str, *, cookies: Mapping[str, str] | None = None, **look: Any) -> Visit:
        """One more person at the server `origin`, signed in when `cookies` say so.

        `look` may hold scheme ("light" or "dark") and size ([width, height] in pixels).
        """
        self._visit_count += 1
        visit = Visit(self, f"visit-{self._visit_count}")
        listed = [{"name": name, "value": value} for name, value in (cookies or {}).items()]
        visit.do("begin", origin=origin, cookies=listed, **look)
        return visit

    def ask(self, message: Mapping[str, Any]) -> Any:
        stdin, stdout = self._driver.stdin, self._driver.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(message) + "\n")
        stdin.flush()
        line = stdout.readline()
        assert line, "the browser's driver ended; its reason is on stderr"
        answer = json.loads(line)
        if "error" in answer:
            raise StepFailed(f"{message}\n{answer['error']}\n{answer.get('page')}")
        return answer["value"]

    def close(self) -> None:
        if self._driver.stdin is not None:
            self._driver.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._driver.wait(STOP_TIMEOUT_S)
        self._driver.kill()
        self._driver.wait()
        if self._driver.stdout is not None:
            self._driver.stdout.close()


@dataclass
class Visit:
    """One person with a page open. Nothing sleeps: every step waits for what it needs.

    `allowed` holds what this person's browser may complain about, as parts of the complaints.
    """

    browser: Browser
    name: str
    allowed: list[str] = field(default_factory=list)

    def do(self, verb: str, **args: Any) -> Any:
        return self.browser.ask({"visit": self.name, "verb": verb, "args": args})

    def goto(self, path: str) -> None:
        self.do("goto", path=path)

    def reload(self) -> None:
        self.do("reload")

    def press(self, key: str) -> None:
        self.do("press", key=key)

    def evaluate(self, script: str) -> Any:
        return self.do("evaluate", script=script)

    def wait_for_address(self, pattern: str) -> str:
        """The whole address, as soon as it matches."""
        self.do("waitForAddress", pattern=pattern)
        return self.address

    @property
    def address(self) -> str:
        address: str = self.do("address")
        return address

    def prefer(self, scheme: Literal["light", "dark"]) -> None:
        self.do("scheme", scheme=scheme)

    def find_accessibility_problems(self) -> list[str]:
        """What axe says about the page as it is now."""
        problems: list[str] = self.do("findAccessibilityProblems")
        return problems

    def end(self) -> list[str]:
        """Close the page; the complaints of the browser that were not expected.

        Requests that leave the server, warnings and errors on the console (broken security policies
        are among them), errors that nobody caught, dialogs.
        """
        complaints: list[str] = self.do("end")
        return [c for c in complaints if not any(part in c for part in self.allowed)]

    def at(self, role: str, name: str | None = None) -> Target:
        """The thing with this role and name; `/…/` is an expression.

        Beside ARIA roles there are "text", "label" and "title".
        """
        return Target(self, ((role, name),))


@dataclass(frozen=True)
class Target:
    """A thing of a page, found as a person finds it, each time anew."""

    visit: Visit
    path: Sequence[tuple[str, str | None]]

    def at(self, role: str, name: str | None = None) -> Target:
        return Target(self.visit, (*self.path, (role, name)))

    def do(self, verb: str, **args: Any) -> Any:
        path = [list(step) for step in self.path]
        return self.visit.browser.ask(
            {"visit": self.visit.name, "verb": verb, "path": path, "args": args}
        )

    def see(self) -> Target:
        """Wait until it is visible."""
        self.do("see")
        return self

    def vanish(self) -> None:
        """Wait until it is not visible or not there."""
        self.do("vanish")

    def click(self) -> None:
        self.do("click")

    def focus(self) -> None:
        self.do("focus")

    def fill(self, text: str) -> None:
        self.do("fill", text=text)

    def press(self, key: str) -> None:
        self.do("pressKey", key=key)

    def hover(self, x: float, y: float) -> None:
        """Move the pointer to a share of its width and height."""
        self.do("hover", x=x, y=y)

    def wait_for_text(self, pattern: str) -> None:
        self.do("waitForText", pattern=pattern)

    def download(self, into: Path) -> bytes:
        """Click it and take what the browser downloads then."""
        self.do("download", file=str(into))
        return into.read_bytes()

    @property
    def text(self) -> str:
        text: str = self.do("text")
        return text

    @property
    def texts(self) -> list[str]:
        texts: list[str] = self.do("texts")
        return texts

    @property
    def value(self) -> str:
        """The text in a field."""
        value: str = self.do("value")
        return value

    @property
    def rows(self) -> list[list[str]]:
        """Texts of the cells of a table, its heads included."""
        rows: list[list[str]] = self.do("table")
        return rows

    @property
    def count(self) -> int:
        count: int = self.do("count")
        return count

    def attribute(self, name: str) -> str | None:
        attribute: str | None = self.do("attribute", name=name)
        return attribute

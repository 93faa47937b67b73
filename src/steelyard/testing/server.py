"""A real server for the tests of plug-ins, to be started, killed and started again."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 60.0


class ServerDidNotStart(RuntimeError):
    """The process ended, or `/ready` did not answer in time; the message holds its log."""


class ThrowawayServer:
    """`steelyard up` as a child process, on a free port, on a data directory of its own.

    The port stays the same over `stop`, `kill` and `start`, so that clients find it again. Leave
    the context to stop it; the data directory is the caller's to remove.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str | None = None,
        arguments: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.data_dir = data_dir
        self.port = _free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self._command = [
            *(python, "-m", "steelyard", "up", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--data-dir", str(data_dir), "--no-browser"),
            *(("--database", database_url) if database_url else ()),
            *(() if "--journals" in arguments else ("--no-journals",)),
            *arguments,
        ]
        self._environ = dict(environ) if environ is not None else None
        self._process: subprocess.Popen[bytes] | None = None
        self._pool = urllib3.PoolManager(retries=False, timeout=REQUEST_TIMEOUT_S)

    def __enter__(self) -> ThrowawayServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def owner_key(self) -> str:
        """The API key that the first start wrote for the local user."""
        return (self.data_dir / "owner.key").read_text().strip()

    @property
    def log(self) -> str:
        """What the server printed so far, over all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> None:
        """Start and wait until `/ready` answers 200. Raises ServerDidNotStart with the log."""
        self.launch()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            assert self._process is not None
            if self._process.poll() is not None:
                code, self._process = self._process.returncode, None
                raise ServerDidNotStart(f"exit status {code}\n{self.log[-4000:]}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerDidNotStart(f"not ready after {START_TIMEOUT_S} s\n{self.log[-4000:]}")
            time.sleep(0.05)

    def launch(self) -> None:
        """Start the process without waiting for it."""
        assert self._process is None, "the server is running already"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environ,
            )

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Wait until the process ends by itself; its exit status."""
        assert self._process is not None
        status = self._process.wait(timeout_s)
        self._process = None
        return status

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop if it runs, then start."""
        if self._process is not None:
            self.stop()
        self.start()

    def close(self) -> None:
        """Stop; kill it when it does not."""
        if self._process is not None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        self._pool.clear()

    def is_ready(self) -> bool:
        try:
            return self._pool.request("GET", f"{self.base_url}/ready", timeout=5).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content: Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request, never retried nor redirected, as the owner unless `key` says otherwise.

        `content` is sent as JSON; key "" sends none.
        """
        merged = dict(headers or {})
        used = self.owner_key if key is None else key
        if used:
            merged["Authorization"] = "Basic " + base64.b64encode(f"api:{used}".encode()).decode()
        if content is not None:
            body = json.dumps(content).encode()
            merged.setdefault("Content-Type", "application/json")
        return self._pool.request(
            method, self.base_url + path, body=body, headers=merged, redirect=False
        )

    def call(self, method: str, path: str, *, content: Any = None, key: str | None = None) -> Any:
        """`request` for JSON answers: the value, or an AssertionError that shows the refusal."""
        answer = self.request(method, path, content=content, key=key)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.data[:2000]!r}"
        return json.loads(answer.data) if answer.data else None

    def graphql(self, query: str, *, key: str | None = None, **variables: Any) -> Any:
        """`data` of a GraphQL answer without errors."""
        content = {"query": query, "variables": variables}
        answer = self.call("POST", "/graphql", content=content, key=key)
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""One request to the server, sorted by what to do about the answer.

Worth repeating → Later. Not worth repeating → Refused. Every wait has a bound, and nobody but the
sender's own threads waits here.
"""

from __future__ import annotations

import io
import json
import os
import time
import zlib
from collections.abc import Mapping

from steelyard.errors import Invalid, SteelyardError, Unavailable
from steelyard.limits import JOURNAL_UPLOAD_BYTES, SENDER_RETRY_S_MAX

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import IO, Any

    from steelyard.sdk.connection import Answer, Connection
    from steelyard.sdk.sender.direct import DirectConnection

REQUEST_TIMEOUT_S = 60.0
FIRST_RETRY_S = 1.0
PIECES_FROM_BYTES = 64 * 1024
SMALLEST_UPLOAD_BYTES = 64 * 1024
COMPRESS_FROM_BYTES = 1024
LOOPBACK = ("127.", "localhost", "[::1]")


class Later(Exception):
    """It may work at another time. `wait_s` is what the server asks for, if it does."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Refused(Exception):
    """The server said no. `is_mendable`: somebody may mend the key, make the project, or set the
    proxy right that answered in the server's place (`is_stranger`)."""

    def __init__(self, message: str, *, code: str, status: int, is_stranger: bool = False) -> None:
        super().__init__(message)
        self.code, self.status, self.is_stranger = code, status, is_stranger
        self.is_mendable = (
            is_stranger
            or status in (401, 402, 403)
            or (status == 404 and code in ("not_found", "entity_not_found", "project_not_found"))
        )


class Backoff:
    """When to try again: 1 s, 2 s, … SENDER_RETRY_S_MAX, each with ±25 % by chance."""

    def __init__(self) -> None:
        self.failures = 0
        self.not_before = 0.0

    def fail(self, now: float, wait_s: float | None = None) -> None:
        self.failures += 1
        grown_s = min(SENDER_RETRY_S_MAX, FIRST_RETRY_S * 2 ** min(self.failures - 1, 10))
        spread = 0.75 + os.urandom(1)[0] / 512  # a thousand runs must not come back together
        # What the server asks for is a lower bound, for up to an hour.
        self.not_before = now + max(grown_s * spread, min(wait_s or 0.0, 3600.0) * (spread + 0.25))

    def wait_long(self, now: float) -> None:
        self.not_before = now + SENDER_RETRY_S_MAX

    def succeed(self) -> None:
        self.failures, self.not_before = 0, 0.0

    def is_over(self, now: float) -> bool:
        return now >= self.not_before


class Link:
    """The way to one server. One per thread that sends: its size of uploads is its own."""

    def __init__(self, facts: Mapping[str, Any], *, key_source: str = "") -> None:
        self.base_url: str = (facts.get("base_url") or "").rstrip("/")
        self.app_url: str = (facts.get("app_url_override") or self.base_url).rstrip("/")
        self.upload_bytes = JOURNAL_UPLOAD_BYTES // 4
        self._upload_bytes_max = JOURNAL_UPLOAD_BYTES
        self._facts = facts
        self._key_source = key_source
        self._connection: Connection | DirectConnection | None = None
        host = self.base_url.partition("://")[2]
        self._is_near = host.startswith(LOOPBACK)

    def post_journal(self, path: str, data: bytes) -> dict[str, Any]:
        """Send a piece of a journal; what the server answers. Raises Later, Refused."""
        body, headers = self.encode(data)
        started = time.monotonic()
        try:
            answer = self.request("POST", path, body=body, headers=headers)
        except Later:
            # Perhaps the line is too slow for as much at once.
            if time.monotonic() - started > 2.0:
                self.upload_bytes = max(SMALLEST_UPLOAD_BYTES, self.upload_bytes // 2)
            raise
        except Refused as refusal:
            # A proxy on the way takes less at once than the server.
            is_proxy = refusal.is_stranger and refusal.status == 413
            if is_proxy and self.upload_bytes > SMALLEST_UPLOAD_BYTES:
                smaller = max(SMALLEST_UPLOAD_BYTES, min(self.upload_bytes, len(data)) // 2)
                self.upload_bytes = self._upload_bytes_max = smaller
                raise Later(str(refusal)) from refusal
            raise
        if len(data) > self.upload_bytes // 2 and time.monotonic() - started < 2.0:
            self.upload_bytes = min(self._upload_bytes_max, self.upload_bytes * 2)
        try:
            value = json.loads(answer.body)
            if isinstance(value["acknowledged"], int):
                return dict(value)
        except (ValueError, KeyError, TypeError):
            pass
        raise Refused(
            f"{self.base_url} does not answer like a Steelyard server; check WANDB_BASE_URL",
            code="not_found",
            status=404,
        )

    def ask_server_id(self) -> str | None:
        """The id of the server's database; None when the server does not say. Raises as above."""
        answer = self.request("GET", "/api/v1/me", body=b"", headers={})
        try:
            return str(json.loads(answer.body)["server"]["id"])
        except (ValueError, KeyError, TypeError):
            return None

    def encode(self, data: bytes) -> tuple[bytes, dict[str, str]]:
        """(body, headers) for a piece of a journal: deflated, unless the server is this machine."""
        headers = {"Content-Type": "application/octet-stream"}
        if len(data) < COMPRESS_FROM_BYTES or self._is_near:
            return data, headers
        return zlib.compress(data, 1), headers | {"Content-Encoding": "deflate"}

    def close(self) -> None:
        """Close what is open. Later requests open anew."""
        if self._connection is not None:
            self._connection.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None,
        headers: dict[str, str],
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Answer:
        """The answer to one request that succeeded. Raises Later, Refused."""
        if isinstance(body, bytes) and len(body) > PIECES_FROM_BYTES:
            # Each piece of a file has the timeout to itself, a bytes object has it as a whole.
            headers["Content-Length"] = str(len(body))
            body = io.BytesIO(body)
        try:
            if self._connection is None:
                self._connection = _open(self._facts)
            answer = self._connection.request(
                method, path, body=body, headers=headers, timeout_s=timeout_s
            )
        except Unavailable as error:
            raise Later(self._shorten(error, method, path)) from error
        except Invalid as error:
            raise Refused(str(error), code=error.code, status=400) from error
        if answer.is_ok:
            return answer
        if answer.is_temporary:
            raise Later(self._shorten(answer.error(), method, path), answer.retry_after_s)
        raise self._refusal(answer)

    def _shorten(self, error: Exception, method: str, path: str) -> str:
        """The words of an error, with the server in the place of the request."""
        return str(error).replace(f"{method} {self.base_url}{path}", self.base_url)

    def _refusal(self, answer: Answer) -> Refused:
        error: SteelyardError = answer.error()
        text = str(error)
        if answer.status in (401, 403) and self._key_source:
            text = f"{text} (the key came from {self._key_source})"
        code = error.code
        if answer.status == 404 and code == "not_found":
            text = f"{text}; is {self.base_url} a Steelyard server?"
        return Refused(
            text, code=code, status=answer.status, is_stranger=not answer.is_of_steelyard
        )


def _open(facts: Mapping[str, Any]) -> Connection | DirectConnection:
    from steelyard.sdk.connection import find_proxy, open_connection

    if not facts.get("base_url") or find_proxy(facts):
        return open_connection(facts)
    from steelyard.sdk.sender.direct import DirectConnection

    return DirectConnection(facts)

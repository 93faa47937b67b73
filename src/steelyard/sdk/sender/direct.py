"""Connections to a server that is reached without a proxy, by the standard library alone.

`connection.py` does the same with urllib3, whose import is a fifth of the CPU that a run costs to
start (bench/sdk).
"""

from __future__ import annotations

import contextlib
import http.client
import select
from collections import deque

from steelyard.errors import Invalid, Unavailable
from steelyard.sdk.connection import (
    CHUNK_BYTES,
    CONNECT_TIMEOUT_S,
    Answer,
    explain,
    request_headers,
)

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO, Any


class DirectConnection:
    """Has the `request` and `close` of `connection.Connection`. Threads may share it."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        """Nothing is sent yet. `facts` are those of `connection_facts`, with a base_url.

        Raises Invalid for an address that has no port where it should.
        """
        self.base_url: str = facts["base_url"]
        self._facts = facts
        self._headers = request_headers(facts)
        self._scheme, _, rest = self.base_url.partition("://")
        self._address, slash, path = rest.partition("/")
        self._prefix = slash + path
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._idle.append(self._make())

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Answer:
        """Send one request, wait at most `timeout_s` seconds for each piece of its way.

        Raises Unavailable when nobody answers. Redirects are not followed.
        """
        place = f"{method} {self.base_url}{path}"
        connection = self._take()
        try:
            _be_connected(connection, timeout_s)
            # Who refuses a large body may answer before its end.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                is_file = self._scheme == "http" and hasattr(body, "send_on")
                connection.request(
                    method,
                    self._prefix + path,
                    body=None if is_file else body,
                    headers={**self._headers, **headers},
                )
                if is_file:
                    body.send_on(connection.sock)  # type: ignore[union-attr]
            response = connection.getresponse()
            names: Any = response.headers  # a mapping in all that is asked of it
            answer = Answer(place, response.status, names, response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unavailable(f"{place}: {explain(error)}") from error
        except ValueError as error:  # a host or header that cannot be sent
            connection.close()
            raise Invalid(f"{place}: {error}") from error
        except BaseException:
            connection.close()  # half a request was sent
            raise
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is open and in nobody's use. Later requests open anew."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    __del__ = close  # who forgets it leaves no socket open

    def _take(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()  # the one used last is the one most likely to be open
        except IndexError:
            return self._make()

    def _make(self) -> http.client.HTTPConnection:
        try:
            if self._scheme == "https":
                return http.client.HTTPSConnection(
                    self._address, context=_make_context(self._facts), blocksize=CHUNK_BYTES
                )
            return http.client.HTTPConnection(self._address, blocksize=CHUNK_BYTES)
        except http.client.InvalidURL as error:
            raise Invalid(f"{self.base_url}: {error}") from error


def _be_connected(connection: http.client.HTTPConnection, timeout_s: float) -> None:
    if connection.sock is not None and _is_dropped(connection.sock):
        connection.close()
    if connection.sock is None:
        connection.timeout = min(timeout_s, CONNECT_TIMEOUT_S)
        connection.connect()
    connection.sock.settimeout(timeout_s)


def _is_dropped(sock: Any) -> bool:
    """Whether the server closed it meanwhile: between requests it has nothing else to say."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(0))


def _make_context(facts: Mapping[str, Any]) -> Any:
    import ssl

    context = ssl.create_default_context()
    if facts.get("insecure_disable_ssl"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

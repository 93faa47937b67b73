"""The client's connection to the server: one request at a time, never retried here.

urllib3 is imported when a connection is opened, which in the user's process happens only where
the user asks something of the server. The sender needs one for a proxy only (`sender/direct.py`);
it has no msgspec, so nothing here needs it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard._version import __version__
from steelyard.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    SteelyardError,
    Torn,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

    import urllib3

    from steelyard.sdk.settings import ClientSettings

#: Settings that a connection depends on: all that a process needs to know to open one.
CONNECTION_FIELDS = (
    "base_url",
    "api_key",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "insecure_disable_ssl",
    "x_extra_http_headers",
    "x_graphql_timeout_seconds",
)
REQUEST_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 10.0
CHUNK_BYTES = 256 * 1024  # read and sent at a time; urllib3's 16 KiB cost 0.5 s per GiB
ERROR_TEXT_CHARS = 300

ERROR_OF_STATUS: Mapping[int, type[SteelyardError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: Overloaded,
}


class Answer:
    """What the server answered; `body` is b"" for a streamed answer, which `chunks` reads."""

    def __init__(
        self,
        place: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        stream: urllib3.BaseHTTPResponse | None = None,
    ) -> None:
        self.place = place  # "GET http://host/path", for messages
        self.status = status
        self.headers = headers
        self.body: bytes = body
        self._stream = stream

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_temporary(self) -> bool:
        """The same request may work later: the server is busy, starting or broken."""
        return self.status in (408, 425, 429) or self.status >= 500

    @property
    def is_of_steelyard(self) -> bool:
        """A refusal in our server's own form, and not a proxy's or another server's."""
        return self._problem() is not None

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the server asks to wait, if it says so."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdigit() else None

    def chunks(self) -> Iterator[bytes]:
        """The body of a streamed answer, in pieces. Raises Unavailable when it breaks off."""
        if self._stream is None:
            return
        from urllib3.exceptions import HTTPError

        try:
            yield from self._stream.stream(CHUNK_BYTES)
        except HTTPError as error:
            raise Unavailable(f"{self.place} broke off: {error}") from error
        finally:
            self._stream.release_conn()

    def json(self) -> Any:
        """The body as JSON; None when it is empty. Raises Unavailable when it is none."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Unavailable(
                f"{self.place} answered {self.status} with something else than JSON; "
                "is that URL a Steelyard server?"
            ) from error

    def error(self) -> SteelyardError:
        """The refusal as an error of our tree, with the server's own code and words."""
        if not self.body and self.status >= 400:
            self.body = b"".join(self.chunks())
        kind = ERROR_OF_STATUS.get(self.status, Unavailable if self.status >= 500 else Invalid)
        problem = self._problem()
        if problem is None:
            return kind(f"{self.place} answered {self.status}{self._words()}")
        code, detail = problem
        error = (Torn if code == Torn.code else kind)(detail)
        error.code = code
        return error

    def _problem(self) -> tuple[str, str] | None:
        """(code, detail) of an application/problem+json body."""
        try:
            value = json.loads(self.body)
            return str(value["code"]), str(value["detail"])
        except (ValueError, KeyError, TypeError):
            return None

    def _words(self) -> str:
        if 300 <= self.status < 400:
            return f" and points to {self.headers.get('Location')}; set base_url to that server"
        text = self.body[:ERROR_TEXT_CHARS].decode("utf-8", "replace").strip()
        return f": {' '.join(text.split())}" if text else ""


class Connection:
    """Connections to one server, kept open between requests. Threads may share it."""

    def __init__(
        self,
        base_url: str,
        pool: urllib3.PoolManager,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
    ) -> None:
        self.base_url = base_url
        self.timeout_s = timeout_s
        self._pool = pool
        self._headers = dict(headers)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        stream: bool = False,
    ) -> Answer:
        """Send one request, wait at most `timeout_s` seconds, return whatever was answered.

        `path` begins with / and is quoted already. Redirects are not followed: they would carry
        the key elsewhere. Raises Unavailable when nobody answers.
        """
        import urllib3
        from urllib3.exceptions import HTTPError

        limit_s = self.timeout_s if timeout_s is None else timeout_s
        place = f"{method} {self.base_url}{path}"
        try:
            response = self._pool.request(
                method,
                self.base_url + path,
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=urllib3.Timeout(connect=min(limit_s, CONNECT_TIMEOUT_S), read=limit_s),
                redirect=False,
                retries=False,
                preload_content=not stream,
            )
        except HTTPError as error:
            raise Unavailable(f"{place}: {explain(error)}") from error
        except UnicodeError as error:  # a host or header that cannot be sent
            raise Invalid(f"{place}: {error}") from error
        if stream:
            return Answer(place, response.status, response.headers, stream=response)
        return Answer(place, response.status, response.headers, response.data)

    def call(
        self,
        method: str,
        path: str,
        *,
        content: Any = None,
        timeout_s: float | None = None,
    ) -> Any:
        """`request` for JSON: the value of the answer, None when it is empty.

        Raises the error that the server names (Unauthenticated, Forbidden, NotFound, Conflict,
        Invalid, Unavailable), whose `code` is the server's.
        """
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"} if body is not None else None
        answer = self.request(method, path, body=body, headers=headers, timeout_s=timeout_s)
        if not answer.is_ok:
            raise answer.error()
        return answer.json()

    def close(self) -> None:
        """Close what is open. Later requests open anew."""
        self._pool.clear()


def connection_facts(settings: ClientSettings) -> dict[str, Any]:
    """What `open_connection` needs, as JSON can carry it. Holds the API key."""
    return {name: getattr(settings, name) for name in CONNECTION_FIELDS}


def open_connection(settings: ClientSettings | Mapping[str, Any]) -> Connection:
    """A connection to the server of these settings, or of `connection_facts` of them.

    Nothing is sent yet. Raises Invalid when no server is configured or the proxy is no URL.
    """
    import urllib3
    from urllib3.exceptions import HTTPError

    facts = settings if isinstance(settings, Mapping) else connection_facts(settings)
    base_url = facts.get("base_url")
    if not base_url:
        raise Invalid(
            "no server is configured: set WANDB_BASE_URL, or run `steelyard login --host URL`"
        )
    options: dict[str, Any] = {"retries": False, "maxsize": 8, "blocksize": CHUNK_BYTES}
    if facts.get("insecure_disable_ssl"):
        import warnings

        warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
        options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
    proxy = find_proxy(facts)
    try:
        pool = (
            urllib3.ProxyManager(proxy, proxy_headers=_proxy_headers(proxy), **options)
            if proxy
            else urllib3.PoolManager(**options)
        )
    except (HTTPError, ValueError) as error:
        raise Invalid(f"proxy {_without_password(proxy or '')}: {error}") from error
    timeout_s = facts.get("x_graphql_timeout_seconds") or REQUEST_TIMEOUT_S
    return Connection(base_url, pool, request_headers(facts), timeout_s=timeout_s)


def request_headers(facts: Mapping[str, Any]) -> dict[str, str]:
    """What every request says: who asks, with which key, and what the user wants said."""
    headers = {
        "User-Agent": f"steelyard/{__version__}",
        **(facts.get("x_extra_http_headers") or {}),
    }
    if key := facts.get("api_key"):
        headers["Authorization"] = f"Bearer {key}"
    return headers


def find_proxy(facts: Mapping[str, Any]) -> str | None:
    """The proxy for the server of these facts, unless `no_proxy` takes its host out."""
    scheme, _, rest = str(facts["base_url"]).partition("://")
    proxy: str | None = facts.get(f"{scheme}_proxy")
    if not proxy:
        return None
    address = rest.partition("/")[0].rpartition("@")[2].lower()
    host = _host_of(address)
    for entry in (facts.get("no_proxy") or "").lower().split(","):
        name = entry.strip().lstrip(".")
        if name in ("*", address, host) and name:
            return None
        if name and host.endswith(f".{name}"):
            return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _host_of(address: str) -> str:
    if address.startswith("["):  # IPv6
        return address[1:].partition("]")[0]
    return address.partition(":")[0]


def _proxy_headers(proxy: str) -> dict[str, str] | None:
    from urllib.parse import unquote

    import urllib3

    auth = urllib3.util.parse_url(proxy).auth
    return urllib3.util.make_headers(proxy_basic_auth=unquote(auth)) if auth else None


def _without_password(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}***@{rest.rpartition('@')[2]}" if "@" in rest else url


def explain(error: Exception) -> str:
    """What went wrong on the network, in words that say what to look at."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            "its TLS certificate is not trusted; name your CA in SSL_CERT_FILE, "
            "or set WANDB_INSECURE_DISABLE_SSL=true to go without the check"
        )
    for mark, words in (
        ("refused", "nobody listens there (connection refused); is the server running?"),
        ("timed out", "no answer in time"),
        ("resolve", "that host name is not known here"),
        ("name resolution", "that host name is not known here"),
        ("service not known", "that host name is not known here"),
    ):
        if mark in text:
            return words
    return text.rpartition(">: ")[2] or type(error).__name__

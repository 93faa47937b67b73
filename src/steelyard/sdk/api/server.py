"""What the query API asks of a server.

Lists and runs come by GraphQL, in documents of our own: one request answers a whole page with all
that a script may look at, filtered and ordered as scripts written for wandb expect, and values as
they were logged, NaN included. Contents and edits of artifacts go through `Remote`, by REST.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import NotFound, NotOnServer, SteelyardError, Unavailable
from steelyard.sdk.artifacts.remote import PAUSE_S, READ_TRIES, Remote

if TYPE_CHECKING:
    from steelyard.sdk.connection import Connection

PATH: Final = "/graphql"


class Server:
    """One server, as one user sees it. Threads may share it."""

    def __init__(self, remote: Remote) -> None:
        self.remote: Remote = remote

    @property
    def connection(self) -> Connection:
        """The connection that carries the user's key."""
        return self.remote.connection

    def read(self, document: str, **variables: Any) -> dict[str, Any]:
        """What a query answers. Asked again while the server is busy or away.

        Raises the error that the server names, Unavailable without an answer.
        """
        for tries in range(READ_TRIES):
            try:
                return self._ask(document, variables)
            except NotFound:
                raise
            except Unavailable:
                if tries == READ_TRIES - 1:
                    raise
            time.sleep(PAUSE_S * 2**tries)
        raise AssertionError

    def change(self, document: str, **variables: Any) -> dict[str, Any]:
        """What a mutation answers. Sent once."""
        return self._ask(document, variables)

    def read_project(self, document: str, entity: str, project: str, **more: Any) -> dict[str, Any]:
        """`read` of `project(…)` in a document with $entity and $project. Raises NotOnServer."""
        found = self.read(document, entity=entity, project=project, **more)["project"]
        if found is None:
            raise NotOnServer(
                f"no project {entity}/{project}, or you may not see it; yours: "
                f"steelyard.Api().projects()"
            )
        assert isinstance(found, dict)
        return found

    def page_url(self, *parts: str) -> str:
        """Address of a page of the web UI."""
        return self.remote.page_url(*parts)

    def _ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"query": document, "variables": variables}).encode()
        answer = self.connection.request(
            "POST",
            PATH,
            body=body,
            headers={"Content-Type": "application/json"},
            timeout_s=self.remote.read_timeout_s,
        )
        if not answer.is_ok:
            raise answer.error()
        result = answer.json() or {}
        if errors := result.get("errors"):
            first = errors[0]
            code = (first.get("extensions") or {}).get("code")
            raise error_of(str(code), str(first["message"]))
        found = result.get("data")
        if not isinstance(found, dict):
            raise Unavailable(f"{answer.place} does not answer like a Steelyard server")
        return found


def error_of(code: str, message: str) -> SteelyardError:
    """The error of our tree with that code, in the server's words."""
    error = _plain(_find_kind(SteelyardError, code) or Unavailable)(message)
    error.code = code
    return error


def _find_kind(kind: type[SteelyardError], code: str) -> type[SteelyardError] | None:
    if kind.__dict__.get("code") == code:
        return kind
    found = (_find_kind(below, code) for below in kind.__subclasses__())
    return next((each for each in found if each is not None), None)


def _plain(kind: type[SteelyardError]) -> type[SteelyardError]:
    """The kind, or the nearest above it that takes a message and not facts."""
    for base in kind.__mro__:
        if issubclass(base, SteelyardError) and not hasattr(base.__init__, "__code__"):
            return base
    return SteelyardError

"""The runs around an artifact."""

from __future__ import annotations

from typing import Any

from steelyard.errors import NotOnServer
from steelyard.sdk.api import run_documents as documents
from steelyard.sdk.api.run import Run
from steelyard.sdk.api.server import Server
from steelyard.sdk.artifacts.remote import Remote


def list_users(remote: Remote, artifact_id: str) -> list[Run]:
    """The runs that used a version."""
    server, found = Server(remote), []
    after: str | None = None
    while True:
        artifact = server.read(documents.USED_BY, id=artifact_id, after=after)["artifact"]
        if artifact is None:
            raise NotOnServer(f"no artifact with the id {artifact_id}")
        edges = artifact["usedBy"]["edges"]
        for edge in edges:
            home = edge["node"].pop("project")
            place = (home["entityName"], home["name"], edge["node"]["name"])
            found.append(Run(server, *place, edge["node"]))
        if not artifact["usedBy"]["pageInfo"]["hasNextPage"]:
            return found
        after = edges[-1]["cursor"]


def find_maker(remote: Remote, run: dict[str, Any]) -> Run | None:
    """The run that a version names as its maker; None when it was deleted since."""
    try:
        return Run(Server(remote), run["entity"], run["project"], run["name"])
    except NotOnServer:
        return None

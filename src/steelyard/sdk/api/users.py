"""People."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import NotInThisVersion
from steelyard.sdk.api.attributes import Attributes

if TYPE_CHECKING:
    from steelyard.sdk.api.server import Server

VIEWER: Final = """query SteelyardViewer { viewer {
  id name username email admin flags entity deletedAt
  apiKeys { edges { node { id name description } } } teams { edges { node { name } } } } }"""


class User(Attributes):
    """A person: `username`, `name`, and of the caller `email`, `entity`, `admin`, `teams`."""

    def __init__(self, server: Server, attrs: dict[str, Any]) -> None:
        super().__init__(attrs)
        self._server = server

    def __repr__(self) -> str:
        known = (self._attrs.get(key) for key in ("email", "username", "id", "name"))
        return f"<User {next((each for each in known if each), '???')}>"

    @property
    def api_keys(self) -> list[str]:
        """How the caller tells their API keys apart."""
        return _names(self._attrs.get("apiKeys"))

    @property
    def teams(self) -> list[str]:
        """The entities they belong to, their own first."""
        return _names(self._attrs.get("teams"))

    def generate_api_key(self, description: str | None = None) -> str | None:
        """Not in this version: raises NotInThisVersion."""
        raise NotInThisVersion("Api().viewer.generate_api_key", "user administration in Api()")

    def delete_api_key(self, api_key: str) -> bool:
        """Not in this version: raises NotInThisVersion."""
        raise NotInThisVersion("Api().viewer.delete_api_key", "user administration in Api()")


def _names(connection: dict[str, Any] | None) -> list[str]:
    return [edge["node"]["name"] for edge in (connection or {}).get("edges", [])]

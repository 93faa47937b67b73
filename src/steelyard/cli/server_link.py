"""Commands that ask the server: which one, as whom, and how things on it are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.sdk.connection import Connection
    from steelyard.sdk.settings import ClientSettings


class ServerLink:
    """The server that scripts started here would log to, with the key they would use."""

    def __init__(self, connection: Connection, settings: ClientSettings) -> None:
        self.connection = connection
        self.settings = settings
        self._default_entity: str | None = None

    @property
    def default_entity(self) -> str:
        """From the settings; else what the server says is the caller's own."""
        if self.settings.entity:
            return self.settings.entity
        if self._default_entity is None:
            self._default_entity = str(self.call("GET", "/api/v1/me")["default_entity"])
        return self._default_entity

    def call(self, method: str, path: str, *, content: Any = None) -> Any:
        """The JSON of an answer. Raises the error that the server names."""
        return self.connection.call(method, path, content=content)

    def page_url(self, *parts: str) -> str:
        """Address of a page of the web UI."""
        from urllib.parse import quote

        base = (self.settings.app_url_override or self.connection.base_url).rstrip("/")
        return "/".join([base, *(quote(part, safe="") for part in parts)])


def open_server() -> ServerLink:
    """A link to the server of the settings. Raises UsageError, NoApiKey: both say what to do."""
    import msgspec

    from steelyard.errors import UsageError
    from steelyard.sdk import login
    from steelyard.sdk.connection import open_connection
    from steelyard.sdk.session import get_session

    loaded = get_session().load_settings({})
    settings = loaded.settings
    if settings.base_url is None:
        raise UsageError(
            "which server? set WANDB_BASE_URL, or run `steelyard login --host http://HOST:PORT`"
        )
    key = login.find_key(settings, loaded.environ, loaded.sources.get("api_key"))
    if key is None:
        raise login.no_key(settings.base_url)
    return ServerLink(open_connection(msgspec.structs.replace(settings, api_key=key.key)), settings)


def parse_project_path(text: str) -> tuple[str | None, str | None]:
    """(entity, project) of PROJECT, ENTITY/PROJECT, ENTITY/ (no project) or the page's URL."""
    parts = _parts(text)
    if len(parts) > 2:
        _refuse(text, "PROJECT or ENTITY/PROJECT")
    entity, project = parts if len(parts) == 2 else (None, parts[0])
    return entity or None, project or None


def parse_run_path(text: str) -> tuple[str | None, str | None, str]:
    """(entity, project, run) of RUN, PROJECT/RUN, ENTITY/PROJECT/RUN, with runs/ before the run or
    without, or of the page's URL; what is not said is None."""
    parts = _parts(text)
    if len(parts) > 2 and parts[-2] == "runs":
        del parts[-2]
    if len(parts) > 3 or not all(parts):
        _refuse(text, "RUN, PROJECT/RUN or ENTITY/PROJECT/RUN")
    entity, project, run = [None, None, *parts][-3:]
    assert run is not None
    return entity, project, run


def _parts(text: str) -> list[str]:
    from urllib.parse import unquote, urlsplit

    if text.startswith(("http://", "https://")):
        return [unquote(part) for part in urlsplit(text).path.strip("/").split("/")]
    return text.removeprefix("/").split("/")


def _refuse(text: str, forms: str) -> None:
    from steelyard.errors import UsageError

    raise UsageError(f"{text!r} names nothing here; write {forms}")

"""Settings of the server: read once, by a pure function, then passed by hand.

Precedence, lowest first: defaults < settings file < environment (STEELYARD_*) < command line.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa

from steelyard.errors import Invalid

Source = Literal["default", "file", "environment", "command line"]
ENVIRONMENT_PREFIX = "STEELYARD_"
SETTINGS_FILE_NAME = "steelyard.toml"
#: Variables by which every S3 client is told. They count less than the settings file: they may be
#: there for something else.
AWS_VARIABLES = {
    "s3_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "s3_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "s3_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "s3_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "s3_session_token": ("AWS_SESSION_TOKEN",),
}
#: A key, its secret and its token come from one place, or they do not fit together.
S3_CREDENTIALS = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")
SECRETS = frozenset({"s3_secret_access_key", "s3_session_token"})


def _doc(text: str) -> Any:
    return msgspec.Meta(description=text)


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of the server. The description of a field is its documentation."""

    host: Annotated[
        str,
        _doc(
            "Address to listen on. The default answers this machine only; 0.0.0.0 answers the "
            "network and needs a user with a password."
        ),
    ] = "127.0.0.1"
    port: Annotated[int, _doc("TCP port to listen on; 0 takes a free one.")] = 8080
    data_dir: Annotated[
        Path,
        _doc("Directory of everything the server keeps; made on the first start with mode 0700."),
    ] = Path("steelyard-data")
    database_url: Annotated[
        str,
        _doc(
            "Database: sqlite:////absolute/path.db or postgresql://user:password@host/name. Empty: "
            "SQLite in the data directory."
        ),
    ] = ""
    blobs_url: Annotated[
        str,
        _doc(
            "Where contents of files and artifacts are kept: s3://bucket/prefix, of an "
            "S3-compatible store and for this server alone. Empty: in the data directory."
        ),
    ] = ""
    s3_endpoint: Annotated[
        str,
        _doc(
            "URL of the S3-compatible store, such as https://minio.example.org; "
            "AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL count too. Empty: AWS."
        ),
    ] = ""
    s3_region: Annotated[
        str, _doc("Region of the bucket; AWS_REGION and AWS_DEFAULT_REGION count too.")
    ] = "us-east-1"
    s3_access_key_id: Annotated[
        str,
        _doc(
            "Access key of the S3-compatible store; AWS_ACCESS_KEY_ID counts too. Empty: what AWS "
            "gives to the machine or the pod."
        ),
    ] = ""
    s3_secret_access_key: Annotated[
        str, _doc("Secret of that access key; AWS_SECRET_ACCESS_KEY counts too.")
    ] = ""
    s3_session_token: Annotated[
        str,
        _doc("Token of a temporary access key; AWS_SESSION_TOKEN counts too."),
    ] = ""
    s3_path_style: Annotated[
        bool,
        _doc(
            "Name the bucket in the path of a URL, which nearly every store understands; off: in "
            "the host name."
        ),
    ] = True
    s3_public_endpoint: Annotated[
        str,
        _doc(
            "URL under which clients reach the S3-compatible store, such as "
            "https://minio.example.org or https://s3.eu-central-1.amazonaws.com: downloads of "
            "large contents are redirected there, by presigned URLs. Empty: everything goes "
            "through this server, and only it needs to reach the store."
        ),
    ] = ""
    base_url: Annotated[
        str,
        _doc(
            "URL under which clients reach the server; links to files are built from it. Empty: "
            "http://localhost:PORT, or http://HOST:PORT when HOST is one address of a network."
        ),
    ] = ""
    allow_chosen_api_keys: Annotated[
        bool,
        _doc(
            "Let the admin API set the API key of a user (the tests of the official client need "
            "it). Leave it off elsewhere: chosen keys can be guessed."
        ),
    ] = False
    log_format: Annotated[
        Literal["text", "json"],
        _doc("Form of the log on standard error: key=value lines, or one JSON object a line."),
    ] = "text"
    slow_request_ms: Annotated[
        int, _doc("Requests that take longer, in milliseconds, are logged as slow; 0: never.")
    ] = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is outside 0…65535")
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url {self.base_url!r} must start with http:// or https://")
        if self.blobs_url and not re.match(r"s3://[^/?#@:]+(/|$)", self.blobs_url):
            raise ValueError(
                f"blobs_url {self.blobs_url!r} must be s3://BUCKET or s3://BUCKET/PREFIX; the "
                "address of the store is s3_endpoint"
            )
        for name in ("s3_endpoint", "s3_public_endpoint"):
            url = getattr(self, name)
            if url and not url.startswith(("http://", "https://")):
                raise ValueError(f"{name} {url!r} must start with http:// or https://")
        if bool(self.s3_access_key_id) != bool(self.s3_secret_access_key):
            raise ValueError("s3_access_key_id and s3_secret_access_key belong together; set both")
        if self.s3_public_endpoint and self.blobs_url and not self.s3_access_key_id:
            raise ValueError(
                "s3_public_endpoint needs s3_access_key_id and s3_secret_access_key: URLs are "
                "signed with them, and what AWS gives to the machine is not told to us; set them, "
                "or leave s3_public_endpoint empty"
            )

    @property
    def is_loopback(self) -> bool:
        """Only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def public_url(self) -> str:
        """`base_url`, or what can be said without it. No slash at the end."""
        if self.base_url:
            return self.base_url.rstrip("/")
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return f"http://{self.host}:{self.port}"
        if address.is_unspecified or address.is_loopback:
            return f"http://localhost:{self.port}"
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"http://{host}:{self.port}"

    @property
    def effective_database_url(self) -> str:
        """`database_url`, or the SQLite file of the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'steelyard.db'}"


class ExplainedSetting(msgspec.Struct, frozen=True):
    """One setting as `steelyard settings --why` prints it. Passwords are starred out."""

    name: str
    value: str
    source: Source
    default: str
    doc: str
    environment_name: str


def load_settings(
    environ: Mapping[str, str], file: str | None, flags: Mapping[str, Any]
) -> ServerSettings:
    """Settings from the environment, the text of a TOML file and the flags of a command.

    A flag that is None was not given. Raises Invalid that names the setting and where it stands.
    """
    values, _ = _merge(environ, file, flags)
    return _build(values)


def explain_settings(
    environ: Mapping[str, str], file: str | None, flags: Mapping[str, Any]
) -> list[ExplainedSetting]:
    """Every setting with its value and where that came from."""
    values, sources = _merge(environ, file, flags)
    settings = _build(values)
    return [
        ExplainedSetting(
            name=field.name,
            value=_shown(field.name, getattr(settings, field.name)),
            source=sources.get(field.name, "default"),
            default=_shown(field.name, field.default),
            doc=_description(field.type),
            environment_name=ENVIRONMENT_PREFIX + field.name.upper(),
        )
        for field in msgspec.structs.fields(ServerSettings)
    ]


def _merge(
    environ: Mapping[str, str], file: str | None, flags: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Source]]:
    types = {f.name: f.type for f in msgspec.structs.fields(ServerSettings)}
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    own: list[tuple[Source, Mapping[str, Any]]] = [
        ("file", _parse_file(file, set(types))),
        (
            "environment",
            {
                name: environ[ENVIRONMENT_PREFIX + name.upper()]
                for name in types
                if ENVIRONMENT_PREFIX + name.upper() in environ
            },
        ),
        ("command line", {k: v for k, v in flags.items() if v is not None}),
    ]
    said = {name for _, layer in own for name in layer}
    for source, layer in [("environment", _read_aws_variables(environ, said)), *own]:
        for name, raw in layer.items():
            try:
                values[name] = msgspec.convert(
                    str(raw) if isinstance(raw, Path) else raw,
                    type=types[name],
                    strict=False,
                    dec_hook=_decode,
                )
            except msgspec.ValidationError as error:
                raise Invalid(f"setting {name} ({_place(source, name)}): {error}") from error
            sources[name] = source
    return values, sources


def _read_aws_variables(environ: Mapping[str, str], said: set[str]) -> dict[str, str]:
    """Settings that variables of AWS give, but for those in `said`."""
    if said.intersection(S3_CREDENTIALS):
        said = said.union(S3_CREDENTIALS)
    return {
        name: next(environ[variable] for variable in variables if environ.get(variable))
        for name, variables in AWS_VARIABLES.items()
        if name not in said and any(environ.get(variable) for variable in variables)
    }


def _parse_file(file: str | None, known: set[str]) -> dict[str, Any]:
    if not file:
        return {}
    try:
        parsed = tomllib.loads(file)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"the settings file is not TOML: {error}") from error
    if unknown := sorted(set(parsed) - known):
        raise Invalid(
            f"unknown setting {unknown[0]!r} in the settings file; "
            f"settings are: {', '.join(sorted(known))}"
        )
    return parsed


def _build(values: dict[str, Any]) -> ServerSettings:
    try:
        return ServerSettings(**values)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _place(source: Source, name: str) -> str:
    if source == "environment":
        return ENVIRONMENT_PREFIX + name.upper()
    return "settings file" if source == "file" else f"--{name.replace('_', '-')}"


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value).expanduser()
    raise NotImplementedError(kind)


def _description(annotated: Any) -> str:
    return next(
        meta.description or "" for meta in annotated.__metadata__ if isinstance(meta, msgspec.Meta)
    )


def _shown(name: str, value: Any) -> str:
    text = str(value)
    if name in SECRETS and text:
        return "***"
    if isinstance(value, str) and "://" in value and "@" in value:
        return sa.make_url(value).render_as_string(hide_password=True)
    return text

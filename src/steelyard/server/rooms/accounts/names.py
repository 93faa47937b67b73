"""Which names users, teams and organisations may have."""

from __future__ import annotations

import re

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import NAME_CHARS_MAX

#: First path segments the server or the web UI uses itself, now or soon.
# fmt: off
RESERVED_NAMES = frozenset({
    "admin", "api", "app", "artifact-clients", "artifacts", "artifactsv2", "assets", "authorize",
    "automations",
    "docs", "entities", "evaluations", "favicon.ico", "favicon.svg", "files", "graphql",
    "healthz", "help", "home", "keys", "launch", "login", "logout", "me", "metrics", "new",
    "oidc", "organizations", "orgs", "otel", "previews", "public", "ready", "registry", "reports",
    "robots.txt", "runs", "schema", "service", "settings", "setup", "signup", "static",
    "steelyard", "storage", "tables", "teams", "traces", "user", "users", "weave",
})
# fmt: on
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")


def check_entity_name(name: str) -> str:
    """The name, when a user, team or organisation may have it; Invalid or TooLarge otherwise."""
    if len(name) > NAME_CHARS_MAX:
        raise TooLarge("the name", size=len(name), limit=NAME_CHARS_MAX, limit_name="name length")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"the name {name!r} may hold letters, digits, '_', '-' and '.' only, "
            "and not begin with '-' or '.'"
        )
    if name.lower() in RESERVED_NAMES:
        raise Invalid(f"the name {name!r} is reserved: the server uses that path itself")
    return name


def name_like(text: str, *, otherwise: str) -> str:
    """A permitted name as close to `text` as can be (for the user of an operating system)."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:NAME_CHARS_MAX]
    if not name:
        return otherwise
    return f"{name}-user" if name.lower() in RESERVED_NAMES else name

"""What the server says of a version, under names that last."""

from __future__ import annotations

import datetime
from typing import Any


class VersionFacts:
    """A `Version` of `wire/artifacts.py`, read from its JSON."""

    __slots__ = ("version_json",)

    def __init__(self, version_json: dict[str, Any]) -> None:
        self.version_json: dict[str, Any] = version_json

    @property
    def id(self) -> str:
        return str(self.version_json["id"])

    @property
    def entity(self) -> str:
        return str(self.version_json["entity"])

    @property
    def project(self) -> str:
        return str(self.version_json["project"])

    @property
    def collection(self) -> str:
        return str(self.version_json["name"])

    @property
    def version(self) -> str:
        return str(self.version_json["version"])

    @property
    def type(self) -> str:
        return str(self.version_json["type"])

    @property
    def state(self) -> str:
        return str(self.version_json["state"])

    @property
    def digest(self) -> str:
        return str(self.version_json["digest"])

    @property
    def digest_algorithm(self) -> str:
        return str(self.version_json["digest_algorithm"])

    @property
    def description(self) -> str | None:
        found: str | None = self.version_json["description"]
        return found

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self.version_json["metadata"] or {})

    @property
    def aliases(self) -> list[str]:
        return [str(alias) for alias in self.version_json["aliases"]]

    @property
    def tags(self) -> list[str]:
        return [str(tag) for tag in self.version_json["tags"]]

    @property
    def ttl_s(self) -> int | None:
        found: int | None = self.version_json["ttl_s"]
        return found if found is not None and found > 0 else None

    @property
    def ttl_is_inherited(self) -> bool:
        return bool(self.version_json["ttl_is_inherited"])

    @property
    def size_bytes(self) -> int:
        return int(self.version_json["size_bytes"])

    @property
    def file_count(self) -> int:
        return int(self.version_json["file_count"])

    @property
    def history_step(self) -> int | None:
        found: int | None = self.version_json["history_step"]
        return found

    @property
    def created_at(self) -> str:
        return describe_moment(int(self.version_json["created_at_us"]))

    @property
    def updated_at(self) -> str:
        return describe_moment(int(self.version_json["updated_at_us"]))

    @property
    def created_by_run(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.version_json["created_by_run"]
        return found

    @property
    def source_entity(self) -> str:
        return str(self.version_json["source"]["entity"])

    @property
    def source_project(self) -> str:
        return str(self.version_json["source"]["project"])

    @property
    def source_collection(self) -> str:
        return str(self.version_json["source"]["name"])

    @property
    def source_version(self) -> str:
        return str(self.version_json["source"]["version"])

    @property
    def source_name(self) -> str:
        return f"{self.source_collection}:{self.source_version}"

    @property
    def is_link(self) -> bool:
        """Whether it was found in another collection than it was logged to."""
        here = (self.entity, self.project, self.collection)
        return here != (self.source_entity, self.source_project, self.source_collection)


def describe_moment(at_us: int) -> str:
    """As the official client has it: 2026-01-31T09:59:59Z."""
    moment = datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> int:
    """Microseconds UTC of such a text."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return int(moment.timestamp() * 1e6)

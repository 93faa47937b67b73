"""Sending what was changed of a logged artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.sdk.artifacts.names import check_aliases, check_metadata, check_tags
from steelyard.sdk.artifacts.stage import ttl_for_server

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact


def send_changes(artifact: Artifact) -> None:
    """Make the server's version what this object says, where the two differ."""
    facts = artifact._need_logged("save")
    aliases, tags = check_aliases(artifact.aliases), check_tags(artifact.tags)
    changes: dict[str, Any] = {
        "aliases_add": [alias for alias in aliases if alias not in facts.aliases],
        "aliases_remove": [alias for alias in facts.aliases if alias not in aliases],
        "tags_add": [tag for tag in tags if tag not in facts.tags],
        "tags_remove": [tag for tag in facts.tags if tag not in tags],
        "ttl_s": ttl_for_server(artifact),
    }
    if artifact.description != facts.description:
        changes["description"] = artifact.description or ""
    metadata = check_metadata(artifact.metadata)
    if metadata != facts.metadata:
        changes["metadata"] = metadata
    changes = {key: value for key, value in changes.items() if value not in (None, [])}
    if not changes:
        return
    remote = artifact._remote_for_use()
    artifact._take(remote.patch(artifact._path(), changes), remote)

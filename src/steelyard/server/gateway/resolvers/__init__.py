"""Type name -> field name -> function. One module per type or family of mutations."""

from collections.abc import Callable
from typing import Any

from steelyard.server.gateway.context import Fields
from steelyard.server.gateway.resolvers import (
    account_mutations,
    artifact,
    artifact_edits,
    artifact_files,
    artifact_lists,
    artifact_mutations,
    artifact_uploads,
    entity,
    file,
    file_mutations,
    project,
    query,
    run,
    run_mutations,
    server_info,
    streams,
    sweep,
    sweep_mutations,
    user,
)

RESOLVERS: dict[str, Fields] = {
    "Query": query.QUERY,
    "Mutation": {
        **run_mutations.MUTATION,
        **file_mutations.MUTATION,
        **account_mutations.MUTATION,
        **artifact_mutations.MUTATION,
        **artifact_uploads.MUTATION,
        **artifact_edits.MUTATION,
        **sweep_mutations.MUTATION,
    },
    "ServerInfo": server_info.SERVER_INFO,
    "User": user.USER,
    "ApiKey": user.API_KEY,
    "Entity": entity.ENTITY,
    "Member": entity.MEMBER,
    "Organization": entity.ORGANIZATION,
    "Project": project.PROJECT | artifact_lists.PROJECT | sweep.PROJECT,
    "Sweep": sweep.SWEEP,
    "Agent": sweep.AGENT,
    "Run": run.RUN | streams.RUN | artifact_lists.RUN,
    "LogLine": streams.LOG_LINE,
    "File": artifact_files.with_artifact_files(file.FILE),
    "FileConnection": artifact_lists.COUNTED,
    "Artifact": artifact.ARTIFACT,
    "ArtifactCollectionMembership": artifact.MEMBERSHIP,
    "ArtifactAlias": artifact.ALIAS,
    "Tag": artifact.TAG,
    "ArtifactType": artifact_lists.ARTIFACT_TYPE,
    "ArtifactSequence": artifact_lists.SEQUENCE,
    "ArtifactPortfolio": artifact_lists.PORTFOLIO,
    "ArtifactTypeConnection": artifact_lists.COUNTED,
    "ArtifactCollectionConnection": artifact_lists.COUNTED,
    "VersionedArtifactConnection": artifact_lists.COUNTED,
    "ArtifactConnection": artifact_lists.COUNTED,
}

#: Interface or union -> the name of the type that a source has.
TYPE_NAMES: dict[str, Callable[[Any], str]] = {
    "ArtifactCollection": artifact_lists.collection_kind,
    "ArtifactCreator": artifact.creator_type,
}

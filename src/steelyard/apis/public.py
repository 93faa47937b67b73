"""The classes of the query API: `steelyard.apis.public.Run` and the others."""

from __future__ import annotations

from typing import Any

from steelyard.errors import NotInThisVersion
from steelyard.sdk.api.api import Api
from steelyard.sdk.api.artifact_collection import ArtifactCollection
from steelyard.sdk.api.artifact_lists import (
    ArtifactCollections,
    Artifacts,
    ArtifactType,
    ArtifactTypes,
    ProjectArtifactCollections,
    RunArtifacts,
)
from steelyard.sdk.api.console_logs import ConsoleLogLine, ConsoleLogs
from steelyard.sdk.api.files import File, Files
from steelyard.sdk.api.history import HistoryScan
from steelyard.sdk.api.projects import Project, Projects
from steelyard.sdk.api.run import Run
from steelyard.sdk.api.runs import Runs
from steelyard.sdk.api.users import User
from steelyard.sdk.artifacts.listed_files import ArtifactFiles

__all__ = [
    "Api",
    "ArtifactCollection",
    "ArtifactCollections",
    "ArtifactFiles",
    "ArtifactType",
    "ArtifactTypes",
    "Artifacts",
    "ConsoleLogLine",
    "ConsoleLogs",
    "File",
    "Files",
    "HistoryScan",
    "Project",
    "ProjectArtifactCollections",
    "Projects",
    "Run",
    "RunArtifacts",
    "Runs",
    "User",
]

#: Names of wandb 0.31.0 apis/public/__init__.py that come later.
_MISSING = {
    **dict.fromkeys(("Sweep", "Sweeps", "AgentRuns"), "sweeps in the query API"),
    **dict.fromkeys(("BetaReport", "Reports"), "reports"),
    **dict.fromkeys(
        (
            *("Job", "QueuedRun", "RunQueue"),
            *("RunQueueAccessType", "RunQueuePrioritizationMode", "RunQueueResourceType"),
        ),
        "run queues",
    ),
    **dict.fromkeys(("Registries", "Registry"), "registries"),
    **dict.fromkeys(
        ("Automations", "Integrations", "SlackIntegrations", "WebhookIntegrations"), "automations"
    ),
    **dict.fromkeys(
        ("Member", "Organization", "Team"), "administration of users and teams in the query API"
    ),
    **dict.fromkeys(
        ("DownloadHistoryResult", "IncompleteRunHistoryError"), "history in Parquet files"
    ),
    **dict.fromkeys(
        ("PanelMetricsHelper", "PythonMongoishQueryGenerator", "QueryGenerator"),
        "translation of filters",
    ),
}


def __getattr__(name: str) -> Any:
    if name in _MISSING:
        raise NotInThisVersion(f"apis.public.{name}", _MISSING[name])
    raise AttributeError(f"module 'steelyard.apis.public' has no attribute {name!r}")

"""What this server is and supports."""

from __future__ import annotations

from typing import Any

from steelyard.server.gateway.context import Context, Fields

#: Only what works. Source of the names: wandb 0.31.0, proto wandb_internal ServerFeature.
FEATURES = (
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_TAGS",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "CLIENT_IDS",
    "FILESTREAM_GZIP",
    "LARGE_FILENAMES",
    "MARK_RUN_FILES_UPLOADED",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "STRUCTURED_CONSOLE_LOGS",
    "SWEEPS_QUERY_FILTERING",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "UPDATE_RUN_STATE",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
)
#: Newest client we are tested with, and the oldest that can work at all. `wandb verify` fails
#: without the first.
CLI_VERSIONS = {"max_cli_version": "0.31.0", "min_cli_version": "0.13.0"}
#: Version of W&B's own server whose protocol we speak; clients compare it with the newest.
PROTOCOL_VERSION = "0.80.0"


def features(_source: Any, _context: Context) -> list[dict[str, Any]]:
    return [{"name": name, "is_enabled": True} for name in FEATURES]


def cli_version_info(_source: Any, _context: Context) -> dict[str, str]:
    return CLI_VERSIONS


def latest_local_version_info(_source: Any, _context: Context) -> dict[str, Any]:
    return {
        "out_of_date": False,
        "latest_version_string": PROTOCOL_VERSION,
        "version_on_this_instance_string": PROTOCOL_VERSION,
    }


SERVER_INFO: Fields = {
    "features": features,
    "cliVersionInfo": cli_version_info,
    "latestLocalVersionInfo": latest_local_version_info,
}

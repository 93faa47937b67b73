"""Changes of run files."""

from __future__ import annotations

from typing import Any

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_id, encode_id
from steelyard.server.gateway.resolvers.file import missing_file
from steelyard.server.rooms.files.commands import delete_files
from steelyard.server.rooms.files.model import check_file_name
from steelyard.server.rooms.files.queries import list_files_by_id
from steelyard.server.rooms.projects.policy import get_writable_project
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.policy import get_writable_run
from steelyard.server.rooms.runs.queries import get_run


def create_run_files(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """Links to upload to. Nothing is stored: a file is there when its bytes are."""
    run = _get_run(context, input)
    for name in input["files"]:
        check_file_name(name)
    return {
        "run_id": encode_id("Run", run.id),
        "upload_headers": [],
        "files": [missing_file(run.id, name) for name in input["files"]],
    }


def mark_run_files_uploaded(
    _source: Any,
    context: Context,
    input: dict[str, Any],
) -> dict[str, Any]:
    """Nothing to do: an upload is whole or absent."""
    _get_run(context, input)
    return {"success": True}


def delete_some_files(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    asked = [decode_id("File", each) for each in input["files"]]
    by_run: dict[int, list[int]] = {}
    for file in list_files_by_id(context.conn, asked):
        by_run.setdefault(file.run_id, []).append(file.id)
    for run_id, file_ids in by_run.items():
        run = get_writable_run(context.conn, context.caller, run_id)
        delete_files(context.conn, run.id, file_ids)
    return {"success": bool(by_run)}


def _get_run(context: Context, given: dict[str, Any]) -> Run:
    project = get_writable_project(
        context.conn, context.caller, given["entity_name"], given["project_name"]
    )
    path = f"{project.entity}/{project.name}/{given['run_name']}"
    return get_run(context.conn, project.id, given["run_name"], path=path)


MUTATION: Fields = {
    "createRunFiles": create_run_files,
    "markRunFilesUploaded": mark_run_files_uploaded,
    "deleteFiles": delete_some_files,
}

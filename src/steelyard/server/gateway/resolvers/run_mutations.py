"""Changes of runs."""

from __future__ import annotations

from typing import Any

from steelyard.errors import Invalid
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_id
from steelyard.server.rooms.offboarding.commands import delete_run_with_artifacts
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.policy import find_readable_project, get_writable_project
from steelyard.server.rooms.runs import commands
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.runs.policy import find_writable_run, get_writable_run
from steelyard.server.rooms.runs.queries import find_run, get_run


def upsert_bucket(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    changes = _changes(input)
    if changes.id is not None:
        found = get_writable_run(context.conn, context.caller, changes.id)
        held = commands.lock_run(context.conn, found.id)
        run = commands.update_run(context.conn, held, changes, now_us=context.now_us)
        return {"bucket": run, "inserted": False}
    if not changes.name:
        raise Invalid("a run needs its id, or a name and a project")
    project, _ = ensure_project(
        context.conn,
        caller=context.caller,
        entity=input.get("entity_name") or "",
        name=input.get("model_name") or "",
        now_us=context.now_us,
    )
    run, is_inserted = commands.upsert_run(
        context.conn,
        project=project,
        caller=context.caller,
        changes=changes,
        now_us=context.now_us,
    )
    return {"bucket": run, "inserted": is_inserted}


def _changes(given: dict[str, Any]) -> RunChanges:
    return RunChanges(
        id=decode_id("Run", given["id"]) if given.get("id") else None,
        name=given.get("name") or None,
        display_name=given.get("display_name"),
        description=given.get("description"),
        notes=given.get("notes"),
        config=given.get("config"),
        summary=given.get("summary_metrics"),
        tags=given.get("tags"),
        group=given.get("group_name"),
        job_type=given.get("job_type"),
        host=given.get("host"),
        program=given.get("job_program"),
        commit=given.get("commit"),
        repo=given.get("job_repo"),
        sweep=given.get("sweep"),
        state=given.get("state"),
    )


def rewind_run(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    run = _find_named(context, input)
    if run is None:
        return {"rewound_run": None}  # the client says "run not found"
    if input["metric_name"] != "_step":
        raise Invalid("a run can be rewound to a value of _step only")
    run, _ = commands.rewind_run(
        context.conn, run, last_step=int(input["metric_value"]), now_us=context.now_us
    )
    return {"rewound_run": run}


def _find_named(context: Context, given: dict[str, Any]) -> Run | None:
    entity, name = given.get("entity_name") or "", given.get("project_name") or "uncategorized"
    if find_readable_project(context.conn, context.caller, entity, name) is None:
        return None
    project = get_writable_project(context.conn, context.caller, entity, name)
    return find_run(context.conn, project.id, given["run_name"])


def stop_run(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    run = get_writable_run(context.conn, context.caller, decode_id("Run", input["id"]))
    commands.request_stop(context.conn, run.id, now_us=context.now_us)
    return {"success": True}


def update_run_state(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    run = get_writable_run(context.conn, context.caller, decode_id("Run", input["id"]))
    commands.update_state(context.conn, run, input["state"], now_us=context.now_us)
    return {"success": True}


def delete_run(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """Deleting twice is no error: clients repeat requests whose answer they missed."""
    run = find_writable_run(context.conn, context.caller, decode_id("Run", input["id"]))
    if run is not None:
        if input.get("delete_artifacts"):
            delete_run_with_artifacts(
                context.conn, run, user_id=context.caller.user_id, now_us=context.now_us
            )
        else:
            commands.delete_run(context.conn, run, now_us=context.now_us)
    return {"success": run is not None}


def notify_alert(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    project = get_writable_project(
        context.conn, context.caller, input["entity_name"], input["project_name"]
    )
    path = f"{project.entity}/{project.name}/{input['run_name']}"
    run = get_run(context.conn, project.id, input["run_name"], path=path)
    commands.create_alert(
        context.conn,
        run,
        title=input["title"],
        text=input["text"],
        severity=input.get("severity") or "INFO",
        wait_duration_ms=input.get("wait_duration") or 0,
        now_us=context.now_us,
    )
    return {"success": True}


MUTATION: Fields = {
    "upsertBucket": upsert_bucket,
    "rewindRun": rewind_run,
    "stopRun": stop_run,
    "updateRunState": update_run_state,
    "deleteRun": delete_run,
    "notifyScriptableRunAlert": notify_alert,
}

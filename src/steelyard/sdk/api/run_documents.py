"""GraphQL documents about runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: What `update` sends: fact → field of UpsertBucketInput.
EDITABLE: Final[Mapping[str, str]] = {
    "displayName": "displayName",
    "description": "description",
    "notes": "notes",
    "tags": "tags",
    "group": "groupName",
    "jobType": "jobType",
    "config": "config",
}
LIGHT: Final = """id projectId name displayName sweepName state tags group jobType commit readOnly
  createdAt heartbeatAt description notes historyLineCount user { name username }"""
FULL: Final = f"{LIGHT} config summaryMetrics systemMetrics historyKeys"
LIGHT_FIELDS: Final = f"fragment RunFields on Run {{ {LIGHT} }}"
FULL_FIELDS: Final = f"fragment RunFields on Run {{ {FULL} }}"


def _of_run(name: str, fields: str, variables: str = "") -> str:
    return (
        f"query {name}($entity: String!, $project: String!, $run: String!{variables}) {{\n"
        f"  project(name: $project, entityName: $entity) {{ run(name: $run) {{ {fields} }} }}\n}}"
    )


RUN_LIGHT: Final = _of_run("SteelyardRun", LIGHT)
RUN_FULL: Final = _of_run("SteelyardFullRun", FULL)
RUN_STATE: Final = _of_run("SteelyardRunState", "state")
HISTORY_KEYS: Final = _of_run("SteelyardHistoryKeys", "historyKeys")
HISTORY: Final = _of_run("SteelyardHistory", "history(samples: $samples)", ", $samples: Int")
EVENTS: Final = _of_run("SteelyardEvents", "events(samples: $samples)", ", $samples: Int")
SAMPLED: Final = _of_run(
    "SteelyardSampled", "sampledHistory(specs: $specs)", ", $specs: [JSONString!]!"
)
HISTORY_RANGE: Final = _of_run(
    "SteelyardHistoryRange",
    "history(samples: $samples, minStep: $from, maxStep: $to)",
    ", $samples: Int, $from: Int64, $to: Int64",
)
FILES: Final = _of_run(
    "SteelyardFiles",
    """files(names: $names, pattern: $pattern, after: $after, first: $first) {
    totalCount pageInfo { hasNextPage } edges { cursor node {
      id name url directUrl sizeBytes mimetype updatedAt md5 } } }""",
    ", $names: [String], $pattern: String, $after: String, $first: Int",
)
LOG_LINES: Final = _of_run(
    "SteelyardLogLines",
    """logLines(first: $first, after: $after, last: $last) {
    pageInfo { hasNextPage } edges { cursor node { number timestamp level label line } } }""",
    ", $first: Int, $after: String, $last: Int",
)
RUNS: Final = """query SteelyardRuns($entity: String!, $project: String!, $filters: JSONString,
  $order: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) {
    runCount(filters: $filters)
    runs(filters: $filters, order: $order, after: $after, first: $first) {
      pageInfo { hasNextPage } edges { cursor node { ...RunFields } } }
  }
}
"""
USED_BY: Final = (
    """query SteelyardUsedBy($id: ID!, $after: String) {
  artifact(id: $id) { usedBy(after: $after, first: 200) {
    pageInfo { hasNextPage } edges { cursor node { ...RunFields project { name entityName } } } } }
}
"""
    + LIGHT_FIELDS
)
UPSERT_RUN: Final = """mutation SteelyardUpsertRun($input: UpsertBucketInput!) {
  upsertBucket(input: $input) { bucket { id name project { name entityName } } }
}"""
DELETE_RUN: Final = """mutation SteelyardDeleteRun($input: DeleteRunInput!) {
  deleteRun(input: $input) { success }
}"""
STOP_RUN: Final = """mutation SteelyardStopRun($input: StopRunInput!) {
  stopRun(input: $input) { success }
}"""
SET_STATE: Final = """mutation SteelyardSetState($input: UpdateRunStateInput!) {
  updateRunState(input: $input) { success }
}"""
LOG_ARTIFACT: Final = """mutation SteelyardLogArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state } }
}"""
CREATE_FILES: Final = """mutation SteelyardCreateFiles($input: CreateRunFilesInput!) {
  createRunFiles(input: $input) { uploadHeaders files { name uploadUrl } }
}"""
DELETE_FILES: Final = """mutation SteelyardDeleteFiles($input: DeleteFilesInput!) {
  deleteFiles(input: $input) { success }
}"""

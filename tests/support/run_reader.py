"""Reads runs back: by our REST API, and through the official client's `Api` in its own process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient

EXPORT_SCRIPT = """
import json, sys, wandb
run = wandb.Api().run(sys.argv[1])
print("EXPORT" + json.dumps({
    "name": run.name, "state": run.state, "config": run.config, "tags": sorted(run.tags),
    "notes": run.notes, "group": run.group, "job_type": run.job_type,
    "summary": run.summary._json_dict, "history": list(run.scan_history(use_cache=False)),
    "files": {file.name: file.size for file in run.files()},
    "last_step": run.lastHistoryStep,
}))
"""

# Values that differ between two runs of one script: clocks, and what the client says of itself.
UNLIKE_KEYS = frozenset({"_timestamp", "_runtime", "_wandb"})
UNLIKE_FILES = frozenset(
    {"wandb-metadata.json", "wandb-summary.json", "config.yaml", "output.log", "requirements.txt"}
)


class RunReader:
    """Runs of one project, as the owner of the server sees them."""

    def __init__(self, server: ThrowawayServer, project: str) -> None:
        self.server = server
        self.project = project
        self.entity: str = server.call("GET", "/api/v1/me")["default_entity"]

    def get_run(self, name: str) -> dict[str, Any]:
        detail: dict[str, Any] = self.server.call("GET", self._path(name))
        return detail

    def list_runs(self) -> list[dict[str, Any]]:
        """All runs; none when the project does not exist, for the first run makes it."""
        path = f"/api/v1/{self.entity}/{self.project}/runs:query"
        answer = self.server.request("POST", path, content={"limit": 200})
        if answer.status == 404:
            return []
        assert answer.status < 300, answer.data
        items: list[dict[str, Any]] = json.loads(answer.data)["items"]
        return items

    def get_only_run(self) -> dict[str, Any]:
        """The run of a project with one run."""
        runs = self.list_runs()
        assert len(runs) == 1, runs
        return self.get_run(runs[0]["name"])

    def list_history(self, name: str, *, stream: str = "history") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        from_step: int | None = 0
        while from_step is not None:
            query = urlencode({"stream": stream, "from_step": from_step, "limit": 1000})
            page = self.server.call("GET", f"{self._path(name)}/history?{query}")
            rows += page["items"]
            from_step = page["next_step"]
        return rows

    def list_logs(self, name: str) -> list[str]:
        page = self.server.call("GET", f"{self._path(name)}/logs?from_line=0&limit=2000")
        return [line["text"] for line in page["items"]]

    def list_files(self, name: str) -> dict[str, int]:
        page = self.server.call("GET", f"{self._path(name)}/files?limit=200")
        return {file["name"]: file["size_bytes"] for file in page["items"]}

    def stop(self, name: str) -> None:
        self.server.call("POST", f"{self._path(name)}/stop")

    def wait_for(
        self, name: str, is_so: Callable[[dict[str, Any]], bool], *, timeout_s: float = 60
    ) -> dict[str, Any]:
        """Poll a run, which need not exist yet, until the claim about it holds."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.server.request("GET", self._path(name))
            run = json.loads(answer.data) if answer.status == 200 else {}
            if run and is_so(run):
                return run
            assert time.monotonic() < deadline, f"run {name} after {timeout_s} s: {run}"
            time.sleep(0.2)

    def export_by_rest(self, name: str) -> dict[str, Any]:
        """What two runs of one script must have in common, read by our API."""
        run = self.get_run(name)
        return {
            **{key: run[key] for key in ("display_name", "state", "tags", "notes", "group")},
            "job_type": run["job_type"],
            "exit_code": run["exit_code"],
            "history_row_count": run["history_row_count"],
            "overwritten_value_count": run["overwritten_value_count"],
            "config": run["config"],
            "summary": _without_clocks(run["summary"]),
            "history": [_without_clocks(row) for row in self.list_history(name)],
            "logs": self.list_logs(name),
            "files": _comparable_files(self.list_files(name)),
        }

    def export_by_client(self, client: OfficialClient, name: str) -> dict[str, Any]:
        """The same, read through `wandb.Api()`."""
        path = f"{self.entity}/{self.project}/{name}"
        output = client.run_script(EXPORT_SCRIPT, path).stdout
        export = json.loads(next(o for o in output.splitlines() if o.startswith("EXPORT"))[6:])
        export["summary"] = _without_clocks(export["summary"])
        export["history"] = [_without_clocks(row) for row in export["history"]]
        export["files"] = _comparable_files(export["files"])
        return dict(export)

    def _path(self, name: str) -> str:
        return f"/api/v1/{self.entity}/{self.project}/runs/{quote(name, safe='')}"


def _without_clocks(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in UNLIKE_KEYS}


def _comparable_files(files: dict[str, int]) -> dict[str, int]:
    return {name: size for name, size in files.items() if name not in UNLIKE_FILES}

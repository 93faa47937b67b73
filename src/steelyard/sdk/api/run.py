"""A run as scripts read it, and what they change of it.

Longer than other files because the class is: it has every public name of the official client's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from steelyard.errors import Invalid, NotFound, NotInThisVersion, NotOnServer, WrongType
from steelyard.sdk import terminal
from steelyard.sdk.api import run_documents as documents
from steelyard.sdk.api.attributes import Attributes, frame_html, parse_object
from steelyard.sdk.api.server import Server

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]  # has no stubs

    from steelyard.sdk.api.api import Api
    from steelyard.sdk.api.artifact_lists import RunArtifacts
    from steelyard.sdk.api.console_logs import ConsoleLogs
    from steelyard.sdk.api.files import File, Files
    from steelyard.sdk.api.history import HistoryScan
    from steelyard.sdk.api.summary import RunSummary
    from steelyard.sdk.api.sweeps import Sweep
    from steelyard.sdk.api.users import User
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import StrPath

#: What the client keeps in a config for itself. wandb 0.31.0 apis/public/runs.py
INTERNAL_KEYS: Final = ("_wandb", "wandb_version")
ENDED: Final = ("finished", "crashed", "failed", "killed", "preempted")
POLL_S: Final = 5.0
METADATA_FILE: Final = "wandb-metadata.json"


class Run(Attributes):
    """A run of a project. What is set is sent by `update` (or `save`).

    Facts of the server are attributes in either spelling: `run.created_at`, `run.createdAt`.
    With `lazy`, config and summary are read when they are first asked for.
    Raises NotOnServer where there is no such run.
    """

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        run_id: str,
        attrs: Mapping[str, Any] | None = None,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> None:
        super().__init__(dict(attrs or {}))
        self._server = server
        self._entity = entity
        self.project: str = project
        self._id = run_id
        self._lazy = lazy
        self._summary: RunSummary | None = None
        self._metadata: dict[str, Any] | None = None
        self._sent: dict[str, Any] = {}
        if attrs:
            self._note()
        else:
            self.load(force=True)

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.path == self.path

    def __hash__(self) -> int:
        return hash(tuple(self.path))

    # ---- reading

    def load(self, force: bool = False) -> dict[str, Any]:
        """Its facts, read anew with `force`; config and summary too, unless it is lazy."""
        if force or not self._attrs:
            self._fetch(is_full=not self._lazy)
        return self._attrs

    def load_full_data(self, force: bool = False) -> dict[str, Any]:
        """Its facts with config, summary and system metrics, read once unless `force`."""
        if force or "config" not in self._attrs:
            self._fetch(is_full=True)
        return self._attrs

    def _read(self, document: str, **variables: Any) -> dict[str, Any]:
        """`project.run` of a document with $entity, $project and $run. Raises NotOnServer."""
        place = (self._entity, self.project)
        found = self._server.read_project(document, *place, run=self._id, **variables)["run"]
        if found is None:
            raise NotOnServer(
                f"no run {self._entity}/{self.project}/{self._id}, or you may not see it"
            )
        assert isinstance(found, dict)
        return found

    def _fetch(self, *, is_full: bool) -> None:
        changed = {key: value for key, value in self._attrs.items() if self._is_changed(key)}
        found = self._read(documents.RUN_FULL if is_full else documents.RUN_LIGHT)
        self._attrs = {**self._attrs, **found}
        self._note()
        self._attrs.update(changed)

    def _note(self) -> None:
        """Take apart what came as text, and remember what the server has."""
        attrs = self._attrs
        if "tags" in attrs:
            attrs["tags"] = list(attrs["tags"] or ())
        for key in ("summaryMetrics", "systemMetrics"):
            if key in attrs:
                attrs[key] = parse_object(attrs[key])
        if ("config" in attrs and "rawconfig" not in attrs) or isinstance(attrs.get("config"), str):
            values = {
                key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
                for key, entry in parse_object(attrs["config"]).items()
            }
            internal = {key: values.pop(key) for key in INTERNAL_KEYS if key in values}
            attrs["config"], attrs["rawconfig"] = values, {**internal, **values}
        self._summary = None
        self._sent = {key: _frozen(attrs[key]) for key in documents.EDITABLE if key in attrs}

    def _is_changed(self, key: str) -> bool:
        return key in self._sent and _frozen(self._attrs.get(key)) != self._sent[key]

    # ---- who it is

    @property
    def id(self) -> str:
        """Its id, unique in the project."""
        return self._id

    @id.setter
    def id(self, new_id: str) -> None:
        self._id = new_id

    @property
    def storage_id(self) -> str:
        """The server's id."""
        return str(self._attrs["id"])

    @property
    def name(self) -> str | None:
        """The name that people see."""
        found: str | None = self._attrs.get("displayName")
        return found

    @name.setter
    def name(self, new_name: str) -> None:
        self._attrs["displayName"] = new_name

    display_name = name

    @property
    def entity(self) -> str:
        """Owner of its project."""
        return self._entity

    @property
    def username(self) -> str:
        """Deprecated in wandb for `entity`."""
        return self._entity

    @property
    def user(self) -> User | None:
        """Who began it; None where nobody knows."""
        from steelyard.sdk.api.users import User

        found = self._attrs.get("user")
        return User(self._server, found) if found else None

    @property
    def path(self) -> list[str]:
        """Entity, project and id, each quoted for URLs."""
        return [quote(part, safe="") for part in (self._entity, self.project, self._id)]

    @property
    def url(self) -> str:
        """Its page in the UI."""
        return self._server.page_url(self._entity, self.project, "runs", self._id)

    # ---- what is known of it

    @property
    def state(self) -> str:
        """running, finished, failed, crashed, killed, …, as it was read."""
        return str(self._attrs.get("state", "not found"))

    @property
    def tags(self) -> list[str]:
        """Its tags. A list that is changed in place is sent by `update` too."""
        found: list[str] = self._attrs.setdefault("tags", [])
        return found

    @tags.setter
    def tags(self, tags: Collection[str]) -> None:
        self._attrs["tags"] = list(tags)

    @property
    def notes(self) -> str | None:
        """Text about it."""
        found: str | None = self._attrs.get("notes")
        return found

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._attrs["notes"] = notes

    @property
    def description(self) -> str | None:
        """An older text about it."""
        found: str | None = self._attrs.get("description")
        return found

    @description.setter
    def description(self, description: str | None) -> None:
        self._attrs["description"] = description

    @property
    def group(self) -> str | None:
        """The group it belongs to."""
        found: str | None = self._attrs.get("group")
        return found

    @group.setter
    def group(self, group: str | None) -> None:
        self._attrs["group"] = group

    @property
    def job_type(self) -> str | None:
        """What it did, such as train or eval."""
        found: str | None = self._attrs.get("jobType")
        return found

    @job_type.setter
    def job_type(self, job_type: str | None) -> None:
        self._attrs["jobType"] = job_type

    @property
    def created_at(self) -> str:
        """When it began, in UTC."""
        return str(self._attrs["createdAt"])

    @property
    def config(self) -> dict[str, Any]:
        """Its config; what is changed in it is sent by `update`."""
        found: dict[str, Any] = self.load_full_data()["config"]
        return found

    @property
    def rawconfig(self) -> dict[str, Any]:
        """Its config with what the client notes for itself."""
        found: dict[str, Any] = self.load_full_data()["rawconfig"]
        return found

    @property
    def json_config(self) -> str:
        """Its config as the server keeps it."""
        values = {key: value for key, value in self.rawconfig.items() if key == "_wandb"}
        values |= self.config
        return json.dumps({key: {"value": each, "desc": None} for key, each in values.items()})

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """Its summary, plain."""
        found: dict[str, Any] = self.load_full_data()["summaryMetrics"]
        return found

    @property
    def summary(self) -> RunSummary:
        """Its summary; `run.summary.update({…})` and `run.update()` send what is changed."""
        if self._summary is None:
            from steelyard.sdk.api.summary import RunSummary

            self._summary = RunSummary(self.summary_metrics, send=self._send_summary)
        return self._summary

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The last value of each system metric."""
        found: dict[str, Any] = self.load_full_data()["systemMetrics"]
        return found

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Where and how it ran, as its client wrote it; None when it did not."""
        if self._metadata is None:
            try:
                self._metadata = parse_object(self.file(METADATA_FILE).read_text())
            except NotFound:
                return None
        return self._metadata

    @property
    def lastHistoryStep(self) -> int:  # as in wandb
        """The last step of its history, asked anew; -1 without any."""
        keys = self._read(documents.HISTORY_KEYS)["historyKeys"]
        return int(keys.get("lastStep", -1)) if keys else -1

    @property
    def sweep_name(self) -> str | None:
        """The id of its sweep."""
        found: str | None = self._attrs.get("sweepName")
        return found

    @property
    def sweep(self) -> Sweep | None:
        """Its sweep; None without one, and for one that was deleted."""
        from steelyard.sdk.api.sweeps import Sweep

        if not self.sweep_name:
            return None
        try:
            return Sweep(self._server, self._entity, self.project, self.sweep_name)
        except NotOnServer:
            return None

    # ---- history

    def history(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: Literal["default", "system"] = "default",
    ) -> list[dict[str, Any]] | pd.DataFrame:
        """Sampled rows of its history: at most `samples`, evenly spaced.

        Args:
            samples: how many rows at most.
            keys: only rows that have all of these, reduced to them.
            x_axis: a further key, the first of each row.
            pandas: as a DataFrame, where pandas is installed; else a list of dicts.
            stream: system: the system metrics.
        """
        from steelyard.sdk.api.history import read_history

        rows = read_history(self, samples=samples, keys=keys, x_axis=x_axis, stream=stream)
        if not pandas or rows is None:
            return rows or []
        try:
            from pandas import DataFrame
        except ImportError:
            terminal.termwarn("pandas is not installed: the history is a list; pandas=False")
            return rows
        return DataFrame.from_records(rows)

    def scan_history(
        self,
        keys: list[str] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> HistoryScan:
        """All rows of its history, by step, with min_step <= step < max_step.

        Args:
            keys: only rows that have all of these, reduced to them and the step.
            page_size: rows in a request.
            use_cache: accepted, without meaning: nothing is kept.
        """
        from steelyard.sdk.api.history import HistoryScan

        stop = self.lastHistoryStep + 1
        stop = stop if max_step is None else min(max_step, stop)
        return HistoryScan(self, keys=keys, page_size=page_size, min_step=min_step, max_step=stop)

    def beta_scan_history(
        self,
        keys: list[str] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> HistoryScan:
        """The same as `scan_history`."""
        return self.scan_history(keys, page_size, min_step, max_step, use_cache)

    def download_history_exports(
        self, download_dir: StrPath, require_complete_history: bool = True
    ) -> None:
        """Not in this version: raises NotInThisVersion. `scan_history` reads every row."""
        raise NotInThisVersion("Api().run().download_history_exports", "history in Parquet files")

    # ---- files and output

    def files(
        self, names: list[str] | None = None, pattern: str | None = None, per_page: int = 50
    ) -> Files:
        """Its files: all, those of these names, or those like `pattern` (`%.png`)."""
        from steelyard.sdk.api.files import Files

        return Files(self._server, self, names or [], per_page=per_page, pattern=pattern)

    def file(self, name: str) -> File:
        """One file; one that is not there has no content."""
        return self.files([name])[0]

    def upload_file(self, path: str, root: str = ".") -> File:
        """Add a file of this machine; its name is its path from `root` on."""
        from steelyard.sdk.api.files import upload

        return upload(self._server, self, Path(path), Path(root))

    def console_logs(self, *, per_page: int = 1000, last: int | None = None) -> ConsoleLogs:
        """Lines of its console output; only the `last` ones if that is given."""
        from steelyard.sdk.api.console_logs import ConsoleLogs

        return ConsoleLogs(self._server, self, per_page=per_page, last=last)

    # ---- artifacts

    def logged_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifacts that it logged."""
        from steelyard.sdk.api.artifact_lists import RunArtifacts

        return RunArtifacts(self._server, self, mode="logged", per_page=per_page)

    def used_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifacts that it used."""
        from steelyard.sdk.api.artifact_lists import RunArtifacts

        return RunArtifacts(self._server, self, mode="used", per_page=per_page)

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Note that it read a logged artifact; the artifact. Raises Invalid for a draft."""
        _need_logged(artifact)
        run = {"entity": self._entity, "project": self.project, "name": self._id}
        self._server.remote.use(artifact._path(), run, use_as or artifact.name)
        return artifact

    def log_artifact(
        self,
        artifact: Artifact,
        aliases: Collection[str] | None = None,
        tags: Collection[str] | None = None,
    ) -> Artifact:
        """Make a logged artifact of its project one of its outputs; the artifact.

        Raises WrongType for what is none, Invalid for a draft and for another project.
        """
        _need_logged(artifact)
        if (artifact.source_entity, artifact.source_project) != (self._entity, self.project):
            raise Invalid(
                f"{artifact.qualified_name} belongs to another project than the run; "
                "run.use_artifact notes it as an input"
            )
        collection = artifact.source_name.partition(":")[0]
        self._server.change(
            documents.LOG_ARTIFACT,
            input={
                "entityName": self._entity,
                "projectName": self.project,
                "runName": self._id,
                "artifactTypeName": artifact.type,
                "artifactCollectionName": collection,
                "digest": artifact.digest,
                "digestAlgorithm": artifact.digest_algorithm,
                "enableDigestDeduplication": True,
                "aliases": [
                    {"artifactCollectionName": collection, "alias": alias}
                    for alias in aliases or ()
                ],
                "tags": [{"tagName": tag} for tag in tags or ()],
            },
        )
        return artifact

    # ---- changing it

    @classmethod
    def create(
        cls,
        api: Api,
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
        state: Literal["running", "pending"] = "running",
    ) -> Run:
        """A new run without a process. See `Api.create_run`."""
        return api._create_run(run_id=run_id, project=project, entity=entity, state=state)

    def update(self) -> None:
        """Send what was changed: name, tags, notes, group, job type, config, summary."""
        changes = {
            documents.EDITABLE[key]: self._attrs[key]
            for key in documents.EDITABLE
            if key != "config" and self._is_changed(key)
        }
        if self._is_changed("config"):
            changes["config"] = self.json_config
        if changes:
            self._server.change(documents.UPSERT_RUN, input={"id": self.storage_id, **changes})
            self._sent |= {
                key: _frozen(self._attrs[key]) for key in documents.EDITABLE if key in self._attrs
            }
        if self._summary is not None:
            self._summary.update()

    def save(self) -> None:
        """The same as `update`."""
        self.update()

    def delete(self, delete_artifacts: bool = False) -> None:
        """Delete it with all it logged, and its artifacts if so told. There is no way back."""
        run = {"id": self.storage_id, "deleteArtifacts": delete_artifacts}
        self._server.change(documents.DELETE_RUN, input=run)

    def stop(self) -> None:
        """Ask it to stop. Its process hears of it within seconds."""
        self._server.change(documents.STOP_RUN, input={"id": self.storage_id})

    def update_state(self, state: str) -> bool:
        """Set its state, as far as the server allows; whether that was done."""
        change = {"id": self.storage_id, "state": state}
        answer = self._server.change(documents.SET_STATE, input=change)["updateRunState"]
        if answer and answer["success"]:
            self._attrs["state"] = state
            return True
        return False

    def wait_until_finished(self) -> None:
        """Ask for its state every five seconds until it has ended."""
        while True:
            state = self._read(documents.RUN_STATE)["state"]
            if state in ENDED:
                self._attrs["state"] = state
                return
            time.sleep(POLL_S)

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Its page, in a frame of so many pixels."""
        return frame_html(self.url, height=height, hidden=hidden, what="run")

    def _repr_html_(self) -> str:
        return self.to_html()

    def _send_summary(self, values: dict[str, Any]) -> None:
        change = {"id": self.storage_id, "summaryMetrics": json.dumps(values)}
        self._server.change(documents.UPSERT_RUN, input=change)


def _frozen(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _need_logged(artifact: Any) -> None:
    from steelyard.sdk.artifacts.artifact import Artifact

    if not isinstance(artifact, Artifact):
        raise WrongType(f"an artifact of Api().artifact(…) is wanted, not {artifact!r}")
    if artifact.is_draft():
        raise Invalid(f"{artifact.name} is not on the server yet; log it with a run first")

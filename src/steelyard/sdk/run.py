"""A run: what `init()` returns, and what a training script talks to.

Every call that says something writes a record to the journal before it returns, and waits for
nothing else. `finish` alone may wait for the server, as long as the settings allow.

Longer than files usually are: the class has the members of the official client's, and most are
a line or two.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from steelyard.errors import Invalid, RunFinished
from steelyard.limits import (
    DISPLAY_NAME_CHARS_MAX,
    NAME_WAIT_S,
    NOTES_CHARS_MAX,
    SUMMARY_KEYS_MAX,
)
from steelyard.sdk import exit_hooks, finish, run_display, terminal
from steelyard.sdk.fork import tell_of_forks
from steelyard.sdk.metric import Metric, MetricRules, parse_metric
from steelyard.sdk.run_checks import (
    check_alert,
    check_exit_code,
    check_row,
    check_step,
    check_tags,
    check_text,
    wrong_key,
)
from steelyard.sdk.run_facts import Console, NoJournal, RunFacts, RunStatus, read_status
from steelyard.sdk.summary import Summary, SummaryTracker
from steelyard.sdk.values import SIMPLE_TYPES, clean_text, has_media, plain_row
from steelyard.wire import journal

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import StrPath
    from steelyard.sdk.config import Config
    from steelyard.sdk.journal.folder import RunFolder
    from steelyard.sdk.journal.writer import JournalWriter
    from steelyard.sdk.sender.launch import RunName, SenderHandle
    from steelyard.sdk.settings import ClientSettings
    from steelyard.sdk.stopping import StopRequest


class Run:
    """One run. Every method may be called from any thread.

    A forked child may go on logging into it; what it says is part of the same run. `finish` is
    for the process that began the run.
    """

    def __init__(
        self,
        folder: RunFolder | None,
        writer: JournalWriter | None,
        settings: ClientSettings,
        facts: RunFacts,
        config: Config,
        sender: SenderHandle | None,
        console: Console | None = None,
        *,
        guest_at_step: int | None = None,
    ) -> None:
        """Without folder and writer the run is disabled.

        The config should have `append_config` as its `on_change`. `guest_at_step` is for another
        process than the one that began the run: the step of its next row.
        """
        self.folder = folder
        self.facts = facts
        self.console = console
        self._writer: JournalWriter | NoJournal = writer or NoJournal()
        self._settings = settings
        self._config = config
        self._sender = sender
        self._is_guest = guest_at_step is not None
        self._lock = threading.RLock()
        self._is_finished = False
        self._end_hooks: list[Callable[[int], None]] = []
        self._scratch_dir: str | None = None
        #: Why and how the run is to end early; None while it is not.
        self.stop_request: StopRequest | None = None
        self.is_ending: bool = False
        self.is_preempted: bool = False

        # Automatic rows count from `_base`. The number of the next one is `_step`; it is counted
        # from the start of the run as the server knows it once somebody gave a later step.
        self._base = facts.starting_step or 0
        self._step = self._base if guest_at_step is None else guest_at_step
        self._is_relative = True
        self._has_automatic = False
        self._explicit_step: int | None = None
        self._explicit_key = ""
        self._was_mixing_explained = False
        self._last_step: int | None = None
        self._has_waited_for_name = False

        self._rules = MetricRules()
        self._tracker = SummaryTracker(self._rules)
        self._tracker.values.update(facts.summary)
        self._summary = Summary(
            self._current_summary,
            self._write_summary,
            functools.partial(self._with_media, step="summary"),
        )
        tell_of_forks(self)
        if writer is not None and not self._is_guest:
            exit_hooks.finish_at_exit(self)

    # ---- rows

    def log(
        self, data: dict[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Add to the history: one row, or part of one.

        Args:
            data: values by name: numbers, text, lists and dicts of them, arrays, tensors.
            step: the row; rows may come in any order, and what is logged for one twice is merged,
                the last value of a name wins. Default: the row after the last one.
            commit: whether the row is complete, so that the next call begins another. Default:
                yes, unless `step` is given.

        Raises Invalid for what cannot be logged, naming it; RunFinished after `finish`;
        StoppedEarly, a SystemExit, once the row is kept, when the run is to end: its sweep or
        somebody on the server says so.
        """
        if self._is_finished:
            raise RunFinished(self.facts.run_id, "log()")
        if type(data) is not dict:
            data = check_row(data)
        try:
            "".join(data)  # the quickest way to see that all keys are text
        except TypeError:
            raise wrong_key(data) from None
        is_simple = SIMPLE_TYPES.issuperset(map(type, data.values()))
        if not is_simple:
            if has_media(data.values()):
                data = self._with_media(data, self._step if step is None else check_step(step))
            data = plain_row(data)
        if "_step" in data:  # as wandb 0.31.0 interface.py publish_partial_history
            data = {key: value for key, value in data.items() if key != "_step"}

        with self._lock:
            rules = self._rules
            if rules.has_synced_steps:
                data = self._with_step_metrics(data)
            if step is None:
                row, is_automatic = self._step, self._is_relative
                number = row - self._base if is_automatic else row
            else:
                step = row = number = check_step(step)
                is_automatic = False
            self._writer.append_history(number, is_automatic, data)
            if step is not None or self._explicit_step is not None:
                self._follow_explicit_steps(step, data)
            if (step is None if commit is None else commit) and row >= self._step:
                self._step = row + 1
                self._has_automatic = self._has_automatic or step is None
            self._last_step = row
            if is_simple and not rules.has_summaries:
                values = self._tracker.values
                values.update(data)
                if len(values) > SUMMARY_KEYS_MAX:
                    self._tracker.cut()
            else:
                self._tracker.follow(data)
        if self.stop_request is not None:
            self.is_ending = True
            raise self.stop_request.error()

    def _with_media(self, data: Mapping[str, Any], step: int | str) -> dict[str, Any]:
        """The row with media as JSON; their files are part of the run then."""
        from steelyard.sdk.media.log import replace_media

        return replace_media(self, data, step)

    def _with_step_metrics(self, data: dict[str, Any]) -> dict[str, Any]:
        """The row with the last values of step metrics that it lacks (`step_sync`)."""
        missing = self._rules.list_missing_steps(data)
        known = self._tracker.values
        added = {name: known[name] for name in missing if name in known}
        return {**data, **added} if added else data

    def _follow_explicit_steps(self, step: int | None, data: dict[str, Any]) -> None:
        """Keep the number of the next automatic row behind the steps that are given.

        A step before it changes nothing: the row is kept where it belongs, and automatic rows go
        on where they are. Steps given by one part of a program and counted by another put values
        of one moment into different rows, which is said once.
        """
        counted_at = self._step
        if step is None:
            is_mixed = counted_at != self._explicit_step
        else:
            is_mixed = self._has_automatic and step != counted_at
            self._explicit_step, self._explicit_key = step, next(iter(data), "")
            if step >= counted_at:
                self._step, self._is_relative = step, False
        if is_mixed and not self._was_mixing_explained:
            self._was_mixing_explained = True
            others = repr(next(iter(data), "")) if step is None else "others"
            terminal.termwarn(
                f"{self._explicit_key!r} was logged with step={self._explicit_step}, and {others} "
                f"without a step, where the count is at {counted_at}; every row is kept, but they "
                "are different rows. Give the step always or never, or name an x axis: "
                "run.define_metric(name, step_metric=...)"
            )

    # ---- config, summary, metrics

    @property
    def config(self) -> Config:
        """The hyperparameters; setting one writes it down."""
        return self._config

    @property
    def config_static(self) -> Any:
        """A copy of the config that nothing can change."""
        from steelyard.sdk.config import ConfigStatic

        return ConfigStatic(self._config)

    def append_config(self, changed: Mapping[str, Any], removed: Sequence[str] = ()) -> None:
        """Write down what changed in the config: values by key of the top level."""
        self._say("config", journal.CONFIG, {"set": dict(changed), "delete": list(removed)})

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Show these keys of the config first on the page of the run, in this order."""
        if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
            raise Invalid(f"pin_config_keys() takes a list of keys, not {keys!r}")
        self.append_config({"_wandb": {"pinned_keys": list(keys)}})

    @property
    def summary(self) -> Summary:
        """One value per metric: the last one, or what `define_metric` says."""
        return self._summary

    def _current_summary(self) -> dict[str, Any]:
        with self._lock:
            values = {
                key: value for key, value in self._tracker.values.items() if value is not None
            }
            if self._last_step is not None:
                at_us = self._writer.history_at_us
                values["_step"] = self._last_step
                values.setdefault("_timestamp", at_us / 1e6)
                values["_runtime"] = max(at_us - self.facts.started_at_us, 0) / 1e6
        return values

    def _write_summary(self, changed: dict[str, Any], removed: list[str]) -> None:
        self._say("summary", journal.SUMMARY, {"set": changed, "delete": removed})
        with self._lock:
            self._tracker.set(changed, removed)

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        overwrite: bool | None = None,
        *,
        goal: str | None = None,
    ) -> Metric:
        """Say over which metric one is drawn, and what of it stands in the summary.

        Args:
            name: of the metric; `train/*` means all that begin so.
            step_metric: the metric on the x axis.
            step_sync: rows without `step_metric` get its last value. Default: if that is given.
            hidden: no automatic chart.
            summary: min, max, mean, first, last, best, none; several by comma.
            overwrite: forget what was said about this metric before.
            goal: minimize or maximize, for "best".

        Raises Invalid for arguments that mean nothing.
        """
        metric = parse_metric(
            name,
            step_metric=step_metric,
            step_sync=step_sync,
            hidden=hidden,
            summary=summary,
            goal=goal,
        )
        said = {key: value for key, value in msgspec.structs.asdict(metric).items() if value}
        if metric.step_sync is False:
            said["step_sync"] = False
        if overwrite:
            said["overwrite"] = True
        self._say("define_metric()", journal.METRIC, said)
        with self._lock:
            self._tracker.define(metric.name)
            return self._rules.add(metric, overwrite=bool(overwrite))

    # ---- what else is written down

    def alert(self, title: str, text: str, level: Any = None, wait_duration: Any = None) -> None:
        """Tell people something.

        Args:
            level: INFO, WARN or ERROR.
            wait_duration: seconds, or a timedelta, before the same title is sent again.
        """
        name, wait_ms = check_alert(level, wait_duration)
        self._say(
            "alert()",
            journal.ALERT,
            {
                "title": clean_text(str(title)),
                "text": clean_text(str(text)),
                "level": name,
                "wait_duration_ms": wait_ms,
            },
        )

    def mark_preempting(self) -> None:
        """Say that this machine is about to be taken away, so that a sweep starts the run anew."""
        self._say("mark_preempting()", journal.PREEMPTING, {})

    def write_logs(self, text: str) -> None:
        """Add text to the console log of the run; after its end nothing happens."""
        text = str(text)
        self.append_console("stdout", text if text.endswith("\n") else f"{text}\n")

    def append_console(self, stream: str, text: str) -> None:
        """Add captured output; never raises for a run that has ended."""
        with self._lock:
            if not self._is_finished:
                self._writer.append(journal.CONSOLE, (stream, text))

    def _say(self, call: str, kind: int, payload: Any) -> None:
        with self._lock:
            if self._is_finished:
                raise RunFinished(self.facts.run_id, call)
            self._writer.append(kind, payload)

    # ---- properties that may be changed

    @property
    def name(self) -> str | None:
        """The name people see. None while the server has not made one up."""
        if self.facts.display_name is None and (found := self._find_name()):
            return found.display_name
        return self.facts.display_name

    @name.setter
    def name(self, name: str) -> None:
        text = check_text("name", name, DISPLAY_NAME_CHARS_MAX)
        self._say("name =", journal.RUN, {"display_name": text})
        self.facts.display_name = text

    @property
    def notes(self) -> str | None:
        """Free text about the run, in Markdown."""
        return self.facts.notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        text = check_text("notes", "" if notes is None else notes, NOTES_CHARS_MAX)
        self._say("notes =", journal.RUN, {"notes": text})
        self.facts.notes = text

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the run."""
        return self.facts.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        found = check_tags(tags)
        self._say("tags =", journal.RUN, {"tags": list(found)})
        self.facts.tags = found

    # ---- properties

    @property
    def id(self) -> str:
        """The id of the run, unique in its project."""
        return self.facts.run_id

    @property
    def project(self) -> str:
        return self.facts.project

    @property
    def entity(self) -> str:
        """The user or team the run belongs to; "" while that is not known."""
        if self.facts.entity is None and (found := self._find_name(wait=True)):
            self.facts.entity = found.entity
        return self.facts.entity or ""

    @property
    def path(self) -> str:
        """entity/project/id, or project/id while the entity is not known."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def group(self) -> str:
        return self.facts.group or ""

    @property
    def job_type(self) -> str:
        return self.facts.job_type or ""

    @property
    def sweep_id(self) -> str | None:
        return self.facts.sweep_id

    @property
    def resumed(self) -> bool:
        """Whether the run went on from an earlier one."""
        return self.facts.resumed

    @property
    def step(self) -> int:
        """The step of the next call of `log` that gives none."""
        return self._step

    @property
    def starting_step(self) -> int:
        """The step of the first row that this process logs."""
        return self._base

    @property
    def start_time(self) -> float:
        """Seconds since 1970."""
        return self.facts.started_at_us / 1e6

    @property
    def settings(self) -> ClientSettings:
        return self._settings

    @property
    def offline(self) -> bool:
        """Whether nothing is sent until `steelyard sync`."""
        return self.facts.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether this run keeps nothing at all."""
        return self.folder is None

    @property
    def dir(self) -> str:
        """The directory of the run's files; what `save` is not told of stays here."""
        if self.folder is not None:
            return str(self.folder.files_dir)
        if self._scratch_dir is None:  # scripts save into it even when nothing is to be kept
            import tempfile

            self._scratch_dir = tempfile.mkdtemp(prefix="steelyard-disabled-")
        return self._scratch_dir

    @property
    def sync_dir(self) -> str:
        """The directory of everything about this run: what `steelyard sync` takes."""
        return self.dir if self.folder is None else str(self.folder.path)

    @property
    def url(self) -> str | None:
        """The page of the run; None without a server."""
        return self._page(f"runs/{self.id}")

    @property
    def project_url(self) -> str | None:
        """The page of the project; None without a server."""
        return self._page("")

    @property
    def sweep_url(self) -> str | None:
        """The page of the sweep; None without one."""
        return self._page(f"sweeps/{self.sweep_id}") if self.sweep_id else None

    def _page(self, rest: str) -> str | None:
        if self.facts.base_url is None or self.facts.mode != "online" or not self.entity:
            return None
        from urllib.parse import quote

        parts = (quote(part, safe="") for part in (self.entity, self.project))
        return "/".join([self.facts.base_url.rstrip("/"), *parts, *([rest] if rest else [])])

    def _find_name(self, *, wait: bool = False) -> RunName | None:
        """What the server calls the run. Asked for, it is waited for once, and not long."""
        if self._sender is None or self._is_guest:
            return None
        found = self._sender.name_of(self.id)
        if found is None and wait and not self._has_waited_for_name:
            import time

            self._has_waited_for_name = True
            deadline = time.monotonic() + NAME_WAIT_S
            while found is None and time.monotonic() < deadline:
                time.sleep(0.01)
                found = self._sender.name_of(self.id)
        return found

    # ---- files, code, models: modules of their own, loaded when they are asked for

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> bool | list[str]:
        """Keep files with the run. See `steelyard.save`."""
        from steelyard.sdk import files

        return files.save(self, glob_str, base_path, policy, glob)

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | None = None,
    ) -> Any:
        """Fetch one file of a run. See `steelyard.restore`."""
        from steelyard.sdk import files

        return files.restore(self, name, run_path, replace, root)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Any = None,
        exclude_fn: Any = None,
    ) -> Any:
        """Keep the source files below `root` with the run, and as an artifact of the type code.

        Returns the artifact; None when there are no such files.
        """
        from steelyard.sdk import code

        return code.log_code(self, root, name, include_fn, exclude_fn)

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> Any:
        """Log gradients, parameters or both of a PyTorch model every `log_freq` steps."""
        from steelyard.sdk import watch

        return watch.watch(self, models, criterion, log, log_freq, idx, log_graph)

    def unwatch(self, models: Any = None) -> None:
        """Undo `watch`."""
        from steelyard.sdk import watch

        watch.unwatch(self, models)

    # ---- artifacts: what each does is in `sdk/artifacts/log.py`

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """Make an artifact, or what a path leads to, an output of the run. Returns it at once.

        Args:
            artifact_or_path: an `Artifact`, a file, a directory or an address like s3://bucket/x.
            name: of an artifact made of a path. Default: the run's id and the name of the file.
            type: of an artifact made of a path, a word such as dataset or model.
            aliases: names of this version besides "latest".
            tags: of this version.

        The upload goes on in the background; `artifact.wait()` waits for it. Raises Invalid for
        names that cannot be, UsageError for an artifact that was logged already.
        """
        from steelyard.sdk.artifacts import log

        logged: Artifact = log.log_artifact(self, artifact_or_path, name, type, aliases, tags)
        return logged

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Make an artifact an input of the run, and give it: call `download` on it.

        Args:
            artifact_or_name: an `Artifact`, or [ENTITY/][PROJECT/]NAME[:VERSION or alias].
            type: what its type has to be.
            aliases: of an artifact that is logged with this call.
            use_as: what the run calls it.

        Asks the server, and waits for it. Raises ArtifactMissing (a ValueError), Invalid for
        another type, OfflineRun (a TypeError) for a run that is offline.
        """
        from steelyard.sdk.artifacts import log

        used: Artifact = log.use_artifact(self, artifact_or_name, type, aliases, use_as)
        return used

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add to an artifact that several processes make; `finish_artifact` completes it.

        `distributed_id` is what they share. Default: the group of the run. Raises WrongType (a
        TypeError) where there is neither.
        """
        from steelyard.sdk.artifacts import log

        part: Artifact = log.upsert_artifact(
            self, artifact_or_path, name, type, aliases, distributed_id
        )
        return part

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add the last part to an artifact that several processes make; it is a version then."""
        from steelyard.sdk.artifacts import log

        whole: Artifact = log.upsert_artifact(
            self, artifact_or_path, name, type, aliases, distributed_id, finalize=True
        )
        return whole

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: list[str] | None = None
    ) -> Artifact:
        """Link an artifact into the collection [ENTITY/][PROJECT/]NAME, and log it if it is new.

        Waits for the upload. Returns the artifact as the collection has it. Raises OfflineRun (a
        NotImplementedError) for a run that is offline.
        """
        from steelyard.sdk.artifacts import log

        linked: Artifact = log.link_artifact(self, artifact, target_path, aliases)
        return linked

    def log_model(
        self, path: StrPath, name: str | None = None, aliases: list[str] | None = None
    ) -> None:
        """Log files as an artifact of the type model. See `log_artifact`."""
        from steelyard.sdk.artifacts import log

        log.log_artifact(self, path, name, "model", aliases, call="log_model()")

    def use_model(self, name: str) -> str:
        """Download a model. Returns the path of its file, of its directory when it has several.

        Raises as `use_artifact`; AssertionError for an artifact whose type is no model.
        """
        from steelyard.sdk.artifacts import log

        path: str = log.use_model(self, name)
        return path

    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> Artifact | None:
        """Log a model, and link it into a registered model of the project model-registry.

        `aliases` are those of the link. Raises AssertionError for a name with a path in it.
        """
        from steelyard.sdk.artifacts import log

        linked: Artifact | None = log.link_model(self, path, registered_model_name, name, aliases)
        return linked

    # ---- the end

    def add_end_hook(self, hook: Callable[[int], None]) -> None:
        """Have `hook` called with the exit code when the run ends, while it still takes records."""
        self._end_hooks.append(hook)

    def ask_to_stop(self, reason: str, code: int) -> None:
        """Have the next `log` end the script, or the function of an agent, with this exit code."""
        from steelyard.sdk.stopping import StopRequest, interrupt_later

        if self.stop_request is None and not self._is_finished:
            self.stop_request = StopRequest(reason, code)
            how = "is stopped early" if code == 0 else "is stopped"
            terminal.say(f"run {self.name or self.id} {how}: {reason}", level="warn")
            interrupt_later(self, self._settings.agent_kill_delay)
            if self._settings.sweep_param_path:
                from steelyard.sdk.sweeps.parameters import note_stop

                note_stop(self._settings.sweep_param_path, reason, code)

    def finish(self, exit_code: int | None = None) -> None:
        """End the run, and wait for the upload, at most the seconds of the setting finish_timeout.

        Args:
            exit_code: 0 for success. Default: that of the process, if it is ending; else 0.

        May be called again; nothing happens then. A server that does not answer raises nothing:
        what is not sent yet is said, with the command that sends it. Raises TimeoutError if the
        setting finish_timeout_raises says so.
        """
        code = exit_hooks.exit_code() if exit_code is None else check_exit_code(exit_code)
        if self.stop_request is not None and self.is_ending and code == 0:
            code = self.stop_request.code
        with self._lock:
            if self._is_finished:
                return
            if self._is_guest:  # the run goes on where it began
                self._is_finished = True
                if not self._writer.is_untouched:
                    self._writer.append(journal.FINISH, {"exit_code": code})
                self._writer.close()
                return
        was_interrupted = self._run_end_hooks(code)
        with self._lock:
            if self._is_finished:  # another thread came first
                return
            self._is_finished = True
            exit_hooks.forget(self)
            if self.folder is not None:
                finish.write_last_files(
                    self.folder, self._config.as_dict(), dict(self._current_summary())
                )
            if self.is_preempted:
                self._writer.append(journal.PREEMPTING, {})
            self._writer.append(journal.FINISH, {"exit_code": code})
            lost_count = self._writer.close()
        if self.folder is not None:
            self._wait_for_the_server(self.folder, was_interrupted, lost_count)

    def abandon(self) -> None:
        """Close the journal and the console as a death of the process would: without an end."""
        with self._lock:
            self._is_finished = True
            exit_hooks.forget(self)
            self._writer.close()
        if self.console is not None:
            self.console.uninstall()

    def _run_end_hooks(self, code: int) -> bool:
        """Whether Ctrl-C came meanwhile: then nothing else is waited for."""
        hooks = list(self._end_hooks)
        self._end_hooks.clear()
        console, self.console = self.console, None
        try:
            for hook in hooks:
                self._run_end_hook(functools.partial(hook, code))
            if console is not None:
                self._run_end_hook(console.uninstall)
        except KeyboardInterrupt:
            return True
        return False

    def _run_end_hook(self, hook: Callable[[], None]) -> None:
        try:
            hook()
        except Exception as problem:  # noqa: BLE001  the run must end all the same
            terminal.termerror(f"at the end of the run: {type(problem).__name__}: {problem}")

    def _wait_for_the_server(
        self, folder: RunFolder, was_interrupted: bool, lost_count: int
    ) -> None:
        progress = None
        if self._sender is not None and self.facts.mode == "online" and not was_interrupted:
            progress, was_interrupted = finish.wait_until_sent(
                self._sender, folder.path, self._settings.finish_timeout
            )
        self._has_waited_for_name = True  # a name that has not come by now is not waited for
        finish.say_end(
            name=self.name or self.id,
            mode=self.facts.mode,
            run_dir=folder.path,
            url=self.url,
            progress=progress,
            was_interrupted=was_interrupted,
            lost_count=lost_count,
        )
        is_sent = progress is None or progress.is_final
        if self._settings.finish_timeout_raises and not is_sent:
            raise TimeoutError(
                f"run {self.id} was not sent in {self._settings.finish_timeout:g} s; the sender "
                f"goes on, or send it: steelyard sync {folder.path}"
            )

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the run: as failed, with the traceback in its log, if an exception ends it."""
        code = exit_hooks.exit_code_of(problem)
        if problem is not None and code:
            import traceback

            if self.console is not None:
                self.console.flush()
            self.append_console("stderr", "".join(traceback.format_exception(problem)))
        self.finish(code)

    def status(self) -> RunStatus:
        """How far the upload is."""
        if self.folder is None:
            return RunStatus()
        return read_status(self.folder, self._writer.count)

    # ---- notebooks, copies

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """An HTML frame with the page of the run, or a line of text without a server."""
        return run_display.encode_frame(self, height, hidden)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the page of the run in a notebook. False where that is impossible."""
        return terminal.is_said("info") and run_display.show_frame(self, height, hidden)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(hidden=True)}

    def _label(self, **labels: Any) -> None:
        """Integrations name themselves here; nothing is made of it."""

    def __repr__(self) -> str:
        return f"<steelyard run {self.facts.project}/{self.id}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from steelyard.sdk.attach import attach_run, describe_run

        return (attach_run, (describe_run(self),))

    def become_child(self) -> None:
        """In a forked child: another thread may have held the lock."""
        self._lock = threading.RLock()
        self._is_guest = True

    def describe_fork(self) -> dict[str, Any] | None:
        """START of a journal of this run by another process; None for a disabled run."""
        return None if isinstance(self._writer, NoJournal) else self._writer.describe_fork()

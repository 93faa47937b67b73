"""Settings of the client: read once, by a pure function, then passed by hand.

Precedence, lowest first: defaults < settings files (those of the user, then those of the
directory) < environment (`WANDB_*`, then `STEELYARD_*`) < arguments of `init()`.

Every field but those of our own sender is named as in `wandb.Settings`, so that scripts and
`WANDB_<FIELD>` variables work as they are. What of that class we have no use for stands in
`settings_names.IGNORED`.
"""

# No `from __future__ import annotations` here: the types are read at run time, one by one.
# Evaluating them all (typing.get_type_hints) would cost init() several milliseconds.
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from steelyard.errors import UsageError
from steelyard.limits import JOURNAL_BYTES_KEPT_MAX, SENDER_LINGER_S
from steelyard.sdk import settings_values
from steelyard.sdk.settings_names import (
    ALIASES,
    ENVIRONMENT_ONLY_WANDB,
    IGNORED,
    PLAIN_VARIABLES,
)


def _doc(text: str) -> Any:
    return msgspec.Meta(description=text)


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of the client. The description of a field is its documentation."""

    # Where runs go.
    base_url: Annotated[
        str | None,
        _doc(
            "URL of the server, http:// or https://. Empty: none is configured, and journals rest "
            "on disk. The address of the vendor's cloud counts as empty."
        ),
    ] = None
    app_url_override: Annotated[
        str | None, _doc("URL of the web UI in printed links, when it is not the server's.")
    ] = None
    api_key: Annotated[
        str | None, _doc("API key. Empty: it is looked for in the netrc file, then asked for.")
    ] = None
    mode: Annotated[
        Literal["online", "offline", "disabled", "local"],
        _doc(
            "online sends while the script runs, offline keeps everything on disk until "
            "`steelyard sync`, disabled does nothing. shared means online. Online without a "
            "configured server becomes local, which cannot be chosen."
        ),
    ] = "online"
    entity: Annotated[
        str | None, _doc("User or team that owns the run. Empty: the default of the API key.")
    ] = None
    project: Annotated[
        str | None,
        _doc("Project of the run, at most 128 characters. Empty: uncategorized."),
    ] = None
    root_dir: Annotated[
        str,
        _doc("Directory under which run folders are made. Empty: the current directory."),
    ] = ""
    config_dir: Annotated[
        str | None, _doc("Directory of the user's settings file. Empty: ~/.config/steelyard.")
    ] = None
    netrc_file: Annotated[
        str | None, _doc("File in which API keys are kept. Empty: ~/.netrc. $NETRC sets it too.")
    ] = None
    api_key_source: Annotated[
        str | None, _doc("Where the API key comes from, for messages; set by the client itself.")
    ] = None

    # What the run is.
    run_id: Annotated[
        str | None,
        _doc("Id of the run: 1 to 128 characters without / \\ # ? % : and control characters."),
    ] = None
    run_name: Annotated[
        str | None, _doc("Name shown in the UI. Empty: the server makes one up.")
    ] = None
    run_notes: Annotated[str | None, _doc("Free text about the run.")] = None
    run_tags: Annotated[
        tuple[str, ...] | None, _doc("Tags, 1 to 256 characters each; in the environment by comma.")
    ] = None
    run_group: Annotated[str | None, _doc("Group that the run belongs to.")] = None
    run_job_type: Annotated[str | None, _doc("Kind of work, such as train or eval.")] = None
    sweep_id: Annotated[str | None, _doc("Sweep of the run; set by sweep agents.")] = None
    sweep_param_path: Annotated[
        str | None, _doc("YAML file with the parameters of this sweep run; set by sweep agents.")
    ] = None
    agent_kill_delay: Annotated[
        float, _doc("Seconds between SIGTERM and SIGKILL for a run that an agent is to stop.")
    ] = 30.0
    agent_disable_flapping: Annotated[
        bool, _doc("On: an agent goes on although 3 runs failed in its first minute.")
    ] = False
    agent_max_initial_failures: Annotated[
        int, _doc("An agent ends when so many runs have failed, and none was good.")
    ] = 5
    agent_report_interval: Annotated[
        int | None, _doc("Accepted; agents report every few seconds.")
    ] = None
    config_paths: Annotated[
        tuple[str, ...] | None, _doc("YAML files that are merged into the config, in order.")
    ] = None
    program: Annotated[str | None, _doc("Path of the script. Empty: that of __main__.")] = None
    host: Annotated[str | None, _doc("Name of this machine. Empty: what the system says.")] = None
    username: Annotated[str | None, _doc("User shown for runs of a service account.")] = None
    email: Annotated[str | None, _doc("Mail address shown for runs of a service account.")] = None

    # Beginning and going on.
    resume: Annotated[
        Literal["allow", "must", "never", "auto"] | None,
        _doc(
            "What happens when the run exists: allow goes on or begins anew, must goes on or "
            "fails, never fails, auto goes on with the run that last failed in this directory."
        ),
    ] = None
    resume_from: Annotated[
        str | None, _doc("RUN?_step=N: go on with RUN after step N; what came later is dropped.")
    ] = None
    fork_from: Annotated[
        str | None, _doc("RUN?_step=N: begin with a copy of RUN up to and including step N.")
    ] = None
    reinit: Annotated[
        Literal["default", "return_previous", "finish_previous", "create_new"],
        _doc(
            "What init() does while a run is active. default returns that run; in a notebook it "
            "finishes it and begins another."
        ),
    ] = "default"
    allow_val_change: Annotated[bool, _doc("Let config values be changed after they were set.")] = (
        False
    )
    force: Annotated[
        bool, _doc("Fail when nobody is logged in, instead of offering to stay offline.")
    ] = False
    relogin: Annotated[bool, _doc("Ask for an API key even when one is known.")] = False
    login_timeout: Annotated[
        float | None, _doc("Seconds that the question for an API key waits. Empty: for ever.")
    ] = None
    init_timeout: Annotated[
        float,
        _doc("Seconds that init() waits for the server where it has to ask; never over 10."),
    ] = 90.0
    finish_timeout: Annotated[
        float,
        _doc(
            "Seconds that finish() waits for the upload; the sender does the rest afterwards. "
            "0: until everything is sent."
        ),
    ] = 30.0
    finish_timeout_raises: Annotated[
        bool, _doc("Raise TimeoutError when finish() has waited in vain.")
    ] = False
    stop_fn: Annotated[
        Any, _doc("Called when somebody stops the run in the UI. Empty: KeyboardInterrupt.")
    ] = None

    # What is captured.
    console: Annotated[
        Literal["auto", "off", "wrap", "redirect"],
        _doc(
            "How standard output and error are captured: redirect at the file descriptors, wrap "
            "in Python, off not at all; auto decides."
        ),
    ] = "auto"
    console_multipart: Annotated[
        bool, _doc("Accepted; console output is stored in parts of bounded size anyway.")
    ] = False
    capture_loggers: Annotated[
        dict[str, str] | None,
        _doc("Accepted; what loggers print is in the console log, other records are not kept."),
    ] = None
    save_code: Annotated[
        bool | None, _doc("Store the main script or notebook with the run. Empty: no.")
    ] = None
    code_dir: Annotated[str | None, _doc("Directory whose code is stored with the run.")] = None
    disable_code: Annotated[bool, _doc("Never store code.")] = False
    disable_git: Annotated[bool, _doc("Do not look at git.")] = False
    git_remote: Annotated[str, _doc("Name of the git remote to record.")] = "origin"
    git_remote_url: Annotated[str | None, _doc("URL recorded instead of the remote's.")] = None
    git_commit: Annotated[str | None, _doc("Commit recorded instead of HEAD.")] = None
    git_root: Annotated[str | None, _doc("Root of the git work tree. Empty: it is looked for.")] = (
        None
    )
    notebook_name: Annotated[str | None, _doc("File name of the notebook.")] = None
    docker: Annotated[str | None, _doc("Image of the container the script runs in.")] = None
    ignore_globs: Annotated[
        tuple[str, ...], _doc("Patterns of run files that are not uploaded; by comma.")
    ] = ()
    x_disable_meta: Annotated[bool, _doc("Do not capture program, machine and packages.")] = False
    x_disable_machine_info: Annotated[
        bool, _doc("Do not capture what tells about this machine, user or working directory.")
    ] = False
    x_save_requirements: Annotated[bool, _doc("Store the list of installed packages.")] = True
    x_disable_stats: Annotated[bool, _doc("Do not sample CPU, memory, GPU and so on.")] = False
    x_stats_sampling_interval: Annotated[
        float, _doc("Seconds between two samples of the machine, at least 0.1.")
    ] = 15.0
    x_stats_disk_paths: Annotated[
        tuple[str, ...], _doc("Paths whose disk usage is sampled; by comma.")
    ] = ("/",)
    x_stats_gpu_device_ids: Annotated[
        tuple[int, ...] | None, _doc("GPUs to sample, by index. Empty: all that the driver shows.")
    ] = None
    x_stats_track_process_tree: Annotated[
        bool, _doc("Sample the CPU and memory of all processes below this one, too.")
    ] = False
    x_stats_no_cgroup: Annotated[
        bool, _doc("Give CPU and memory in percent of the machine, not of the container.")
    ] = False
    x_stats_cpu_count: Annotated[
        int | None, _doc("CPU cores to record instead of those found.")
    ] = None
    x_stats_cpu_logical_count: Annotated[
        int | None, _doc("Logical CPUs to record instead of those found.")
    ] = None
    x_stats_gpu_count: Annotated[int | None, _doc("GPUs to record instead of those found.")] = None
    x_stats_gpu_type: Annotated[str | None, _doc("GPU model to record instead of that found.")] = (
        None
    )
    x_stats_open_metrics_endpoints: Annotated[
        dict[str, str] | None, _doc("OpenMetrics endpoints to sample: name to URL.")
    ] = None
    x_stats_open_metrics_filters: Annotated[
        dict[str, dict[str, str]] | tuple[str, ...] | None,
        _doc(
            "Which of their metrics: patterns for endpoint.metric; as a map, with patterns for "
            "labels. Empty: all."
        ),
    ] = None
    x_stats_open_metrics_http_headers: Annotated[
        dict[str, str] | None, _doc("Headers sent to them; JSON in the environment.")
    ] = None

    # Several processes in one run.
    x_label: Annotated[
        str | None, _doc("Name of this process among those that write to the same run.")
    ] = None
    x_primary: Annotated[bool, _doc("Off: this process adds to a run that another one leads.")] = (
        True
    )
    x_update_finish_state: Annotated[
        bool, _doc("Off: the end of this process does not end the run.")
    ] = True

    # What is said.
    silent: Annotated[bool, _doc("Print nothing at all.")] = False
    quiet: Annotated[bool, _doc("Print warnings and errors only.")] = False
    show_info: Annotated[bool, _doc("Print information.")] = True
    show_warnings: Annotated[bool, _doc("Print warnings.")] = True
    show_errors: Annotated[bool, _doc("Print errors.")] = True
    show_emoji: Annotated[bool | None, _doc("Accepted; nothing we print has emoji.")] = None
    summary_warnings: Annotated[int, _doc("How many warnings are repeated at the end.")] = 5
    max_end_of_run_history_metrics: Annotated[
        int, _doc("Accepted; finish() prints no list of metrics.")
    ] = 10
    max_end_of_run_summary_metrics: Annotated[
        int, _doc("Accepted; finish() prints no list of metrics.")
    ] = 10
    strict: Annotated[
        bool | None, _doc("Raise where otherwise a warning explains what was done instead.")
    ] = None

    # The network.
    http_proxy: Annotated[str | None, _doc("Proxy for http:// servers.")] = None
    https_proxy: Annotated[str | None, _doc("Proxy for https:// servers.")] = None
    no_proxy: Annotated[
        str | None, _doc("Hosts reached without proxy, by comma; .name takes all below it.")
    ] = None
    insecure_disable_ssl: Annotated[bool, _doc("Do not check the certificate of the server.")] = (
        False
    )
    x_extra_http_headers: Annotated[
        dict[str, str] | None, _doc("Headers added to every request; JSON in the environment.")
    ] = None
    x_file_stream_transmit_interval: Annotated[
        float | None, _doc("Seconds between two uploads. Empty: about one.")
    ] = None
    x_graphql_timeout_seconds: Annotated[
        float | None, _doc("Seconds that a request may take. Empty: 20.")
    ] = None
    heartbeat_seconds: Annotated[
        int, _doc("Accepted; the sender tells that the run lives at an interval of its own.")
    ] = 30
    x_transaction_log_flush_interval: Annotated[
        float, _doc("Seconds between two fsyncs of the journal.")
    ] = 1.0
    sender_linger_s: Annotated[
        float,
        _doc(
            "Seconds that the sender outlives the script to reach a server that is away. What is "
            "left then goes with the next run from this directory, or with `steelyard sync`."
        ),
    ] = SENDER_LINGER_S
    journal_keep_bytes: Annotated[
        int,
        _doc(
            "Bytes of journals that are kept in a directory once a server has them; beyond it "
            "those of the oldest runs are removed. What was not sent is always kept."
        ),
    ] = JOURNAL_BYTES_KEPT_MAX
    cache_dir: Annotated[
        str | None,
        _doc("Directory below which contents of artifacts are kept. Empty: ~/.cache/steelyard."),
    ] = None
    data_dir: Annotated[
        str | None,
        _doc(
            "Directory in which files of artifacts wait for their upload. "
            "Empty: ~/.local/share/steelyard."
        ),
    ] = None
    artifact_dir: Annotated[
        str | None, _doc("Directory below which artifacts are downloaded. Empty: ./artifacts.")
    ] = None
    artifact_cache_bytes_max: Annotated[
        int | None,
        _doc(
            "Bytes of artifacts kept in the cache; what was not used longest goes first. "
            "Empty: 20 GiB or a tenth of the disk, whichever is less. 0: keep nothing."
        ),
    ] = None
    symlink: Annotated[bool, _doc("Keep a link latest-run beside the run folders.")] = True
    sync_tensorboard: Annotated[
        bool | None, _doc("Accepted; TensorBoard files cannot be followed yet.")
    ] = None
    table_raise_on_max_row_limit_exceeded: Annotated[
        bool, _doc("Accepted; there are no tables yet.")
    ] = False

    def __post_init__(self) -> None:
        given = [n for n in ("resume", "fork_from", "resume_from") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: give one of them")

    def __repr__(self) -> str:
        pairs = (
            f"{name}={_shown(name, getattr(self, name))!r}"
            for name in self.__struct_fields__
            if getattr(self, name) != DEFAULTS[name]
        )
        return f"ClientSettings({', '.join(pairs)})"

    @property
    def app_url(self) -> str | None:
        """URL of the web UI, without a slash at the end; None without a server."""
        return self.app_url_override or self.base_url

    @property
    def runs_dir(self) -> str:
        """Directory of run folders."""
        return os.path.join(self.root_dir or os.curdir, "steelyard")  # noqa: PTH118  # light

    @property
    def resume_file(self) -> str:
        """Where resume="auto" keeps the id of the run that has not ended well."""
        return os.path.join(self.runs_dir, "resume.json")  # noqa: PTH118  # light

    # Names that frameworks look at.
    @property
    def _offline(self) -> bool:
        return self.mode == "offline"

    @property
    def _noop(self) -> bool:
        return self.mode == "disabled"


FIELDS: frozenset[str] = frozenset(ClientSettings.__struct_fields__)
DEFAULTS: Mapping[str, Any] = dict(
    zip(ClientSettings.__struct_fields__, ClientSettings.__struct_defaults__, strict=True)
)


class SettingsText(msgspec.Struct, frozen=True):
    """A settings file as it was read."""

    path: str
    text: str


class ExplainedSetting(msgspec.Struct, frozen=True):
    """One setting as `steelyard settings --client --why` prints it. Secrets are starred out."""

    name: str
    value: str
    source: str
    default: str
    doc: str
    environment_names: tuple[str, ...]


class Settings:
    """Settings given by hand: `init(settings=Settings(mode="offline"))`.

    Takes the fields of `ClientSettings`, and those of `wandb.Settings` that mean nothing here,
    which are accepted and ignored. Raises UsageError for a name that neither has, and for a value
    of the wrong kind. What is not given comes from files and environment, as always.
    """

    def __init__(self, **fields: Any) -> None:
        object.__setattr__(self, "_given", {})
        for name, value in fields.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        key = f"x{name}" if name.startswith("_") else name
        if key in FIELDS:
            self._given[key] = convert_setting(key, value, "Settings")
        elif key not in IGNORED:
            raise UsageError(f"Settings has no field {name!r}{_suggest(key)}")

    def __getattr__(self, name: str) -> Any:
        given = self.__dict__.get("_given", {})
        if name in given:
            return given[name]
        if name in DEFAULTS:
            return DEFAULTS[name]
        if name in IGNORED:
            return None
        raise AttributeError(f"Settings has no field {name!r}{_suggest(name)}")

    def __repr__(self) -> str:
        pairs = (f"{name}={_shown(name, value)!r}" for name, value in self._given.items())
        return f"Settings({', '.join(pairs)})"

    def given(self) -> dict[str, Any]:
        """The fields that were given, by name."""
        return dict(self._given)


def read_environ() -> dict[str, str]:
    """The environment, read here and nowhere else in the SDK."""
    return dict(os.environ)  # noqa: TID251  # the one place


def change_environ(changes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set variables, or unset those that are None, for a function that an agent runs and for what
    it starts; what they were, for the same call afterwards."""
    environ = os.environ  # noqa: TID251  # the one place
    before = {name: environ.get(name) for name in changes}
    for name, value in changes.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    return before


def load_client_settings(
    environ: Mapping[str, str],
    files: Iterable[SettingsText],
    overrides: Mapping[str, Any],
    *,
    cwd: str | None = None,
) -> ClientSettings:
    """Settings from the environment, settings files (the last wins) and arguments.

    An override that is None was not given. `root_dir` is made absolute below `cwd`. Raises
    UsageError that names the setting and where it stands.
    """
    values, _ = merge_settings(environ, files, overrides)
    return build_settings(values, cwd=cwd)


def explain_client_settings(
    environ: Mapping[str, str], files: Iterable[SettingsText], overrides: Mapping[str, Any]
) -> list[ExplainedSetting]:
    """Every setting with its value and where that came from."""
    values, sources = merge_settings(environ, files, overrides)
    settings = build_settings(values)
    return [
        ExplainedSetting(
            name=name,
            value=_shown(name, getattr(settings, name)),
            source=sources.get(name, "default"),
            default=_shown(name, DEFAULTS[name]),
            doc=ClientSettings.__annotations__[name].__metadata__[0].description or "",
            environment_names=environment_names(name),
        )
        for name in ClientSettings.__struct_fields__
    ]


def merge_settings(
    environ: Mapping[str, str], files: Iterable[SettingsText], overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """(values of the settings that somebody set, where each was set, in words)."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for file in files:
        for name, raw, line in settings_values.parse_settings_file(file.text):
            if name in FIELDS and name != "root_dir":
                place = f"{file.path} line {line}"
                values[name] = convert_setting(name, raw, place)
                sources[name] = place
    for name in ClientSettings.__struct_fields__:
        for variable in environment_names(name):
            if text := environ.get(variable):
                values[name] = convert_setting(name, text, f"environment variable {variable}")
                sources[name] = f"environment variable {variable}"
    for name, given in overrides.items():
        if given is not None:
            values[name] = convert_setting(name, given, f"argument {name}")
            sources[name] = "argument"
    return values, sources


def build_settings(values: Mapping[str, Any], *, cwd: str | None = None) -> ClientSettings:
    """Settings with these values and the defaults. Raises UsageError for values at odds."""
    root = os.path.expanduser(values.get("root_dir") or "")  # noqa: PTH111  # light
    if not os.path.isabs(root):  # noqa: PTH117
        try:
            root = os.path.normpath(os.path.join(cwd or os.getcwd(), root))  # noqa: PTH109, PTH118
        except FileNotFoundError:  # the current directory was deleted
            root = os.sep
    try:
        return ClientSettings(**{**values, "root_dir": root})
    except ValueError as error:
        raise UsageError(str(error)) from error


def environment_names(name: str) -> tuple[str, ...]:
    """Variables that set a field; the last one that is set wins."""
    if cached := _ENVIRONMENT_NAMES.get(name):
        return cached
    suffixes = [name.upper(), *ALIASES.get(name, ())]
    if name.startswith("x_"):
        suffixes.insert(0, name[1:].upper())  # WANDB__LABEL for x_label
    wandb = [f"WANDB_{suffix}" for suffix in suffixes]
    ours = [f"STEELYARD_{s}" for s in suffixes if s not in ENVIRONMENT_ONLY_WANDB]
    names = (*PLAIN_VARIABLES.get(name, ()), *wandb, *ours)
    _ENVIRONMENT_NAMES[name] = names
    return names


_ENVIRONMENT_NAMES: dict[str, tuple[str, ...]] = {}


def convert_setting(name: str, raw: Any, place: str) -> Any:
    """The value of a setting from what somebody wrote. Raises UsageError that names the place."""
    annotated = ClientSettings.__annotations__[name]
    try:
        return settings_values.convert(name, annotated.__origin__, raw)
    except (ValueError, TypeError) as error:  # msgspec.ValidationError is a ValueError
        shown = _shown(name, raw)
        raise UsageError(f"setting {name} = {shown!r} ({place}): {error}") from error


def _shown(name: str, value: Any) -> str:
    if name == "api_key" and value:
        return f"***{value[-4:]}" if isinstance(value, str) and len(value) >= 20 else "***"
    if name.endswith("_http_headers") and isinstance(value, Mapping):
        return ", ".join(f"{header}: ***" for header in value)
    if name in ("http_proxy", "https_proxy", "base_url") and isinstance(value, str):
        scheme, at, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}" if at and "@" in rest else value
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _suggest(name: str) -> str:
    import difflib  # only to explain a mistake

    close = difflib.get_close_matches(name, FIELDS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def program_of_process() -> str | None:
    """The script that was started, as the user wrote it; "-m name" for a module."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return f"-m {spec.name}"
    return getattr(main, "__file__", None)

"""Settings of the client: which source wins, and what mistakes are told."""

from __future__ import annotations

import re

import pytest

from steelyard.errors import UsageError
from steelyard.sdk.settings import (
    ClientSettings,
    Settings,
    SettingsText,
    explain_client_settings,
    load_client_settings,
)
from steelyard.sdk.settings_names import IGNORED

GLOBAL = SettingsText("/home/u/.config/wandb/settings", "[default]\nproject = user\nentity = e\n")
LOCAL = SettingsText("./wandb/settings", "[default]\nproject = here\n")


def load(environ=None, files=(), **overrides) -> ClientSettings:
    return load_client_settings(environ or {}, files, overrides)


def test_arguments_win_over_environment_over_directory_over_user_over_default() -> None:
    environ = {"WANDB_PROJECT": "wandb", "STEELYARD_PROJECT": "ours"}
    assert load().project is None
    assert load(files=[GLOBAL]).project == "user"
    assert load(files=[GLOBAL, LOCAL]).project == "here"
    assert load({"WANDB_PROJECT": "wandb"}, [GLOBAL, LOCAL]).project == "wandb"
    assert load(environ, [GLOBAL, LOCAL]).project == "ours"
    assert load(environ, [GLOBAL, LOCAL], project="argument").project == "argument"
    assert load(environ, [GLOBAL, LOCAL], project=None).project == "ours"
    assert load(environ, [GLOBAL, LOCAL]).entity == "e"


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("WANDB_NAME", "happy", "run_name", "happy"),
        ("WANDB_TAGS", "a, b,", "run_tags", ("a", "b")),
        ("WANDB_DIR", "/data", "root_dir", "/data"),
        ("WANDB_JOB_TYPE", "eval", "run_job_type", "eval"),
        ("WANDB_RUN_GROUP", "g", "run_group", "g"),
        ("WANDB_RUN_ID", "abc", "run_id", "abc"),
        ("WANDB_NOTES", "n", "run_notes", "n"),
        ("WANDB_DESCRIPTION", "old", "run_notes", "old"),
        ("WANDB_USER_EMAIL", "a@b.c", "email", "a@b.c"),
        ("WANDB_RESUME", "allow", "resume", "allow"),
        ("WANDB_RESUME", "true", "resume", "auto"),
        ("WANDB_SILENT", "true", "silent", True),
        ("WANDB_SILENT", "0", "silent", False),
        ("WANDB_QUIET", "yes", "quiet", True),
        ("WANDB_MODE", "dryrun", "mode", "offline"),
        ("WANDB_MODE", "shared", "mode", "online"),
        ("WANDB_CONFIG_PATHS", "a.yaml,b.yaml", "config_paths", ("a.yaml", "b.yaml")),
        ("WANDB_IGNORE_GLOBS", "*.pt,*.bin", "ignore_globs", ("*.pt", "*.bin")),
        ("WANDB_INIT_TIMEOUT", "7.5", "init_timeout", 7.5),
        ("WANDB_HTTP_TIMEOUT", "9", "x_graphql_timeout_seconds", 9.0),
        ("WANDB__DISABLE_STATS", "true", "x_disable_stats", True),
        ("WANDB_X_DISABLE_STATS", "true", "x_disable_stats", True),
        ("WANDB_X_LABEL", "rank 0", "x_label", "rank 0"),
        ("WANDB_X_EXTRA_HTTP_HEADERS", '{"A": "b"}', "x_extra_http_headers", {"A": "b"}),
        ("WANDB_X_STATS_TRACK_PROCESS_TREE", "true", "x_stats_track_process_tree", True),
        (
            "WANDB_X_STATS_OPEN_METRICS_FILTERS",
            "a.*,b",
            "x_stats_open_metrics_filters",
            ("a.*", "b"),
        ),
        (
            "WANDB_X_STATS_OPEN_METRICS_FILTERS",
            '{"a.*": {"gpu": "0"}}',
            "x_stats_open_metrics_filters",
            {"a.*": {"gpu": "0"}},
        ),
        ("WANDB_X_STATS_GPU_DEVICE_IDS", "0,2", "x_stats_gpu_device_ids", (0, 2)),
        ("WANDB_CONSOLE", "wrap_raw", "console", "wrap"),
        ("STEELYARD_MODE", "disabled", "mode", "disabled"),
        ("STEELYARD_DIR", "/d", "root_dir", "/d"),
        ("HTTPS_PROXY", "http://p:1", "https_proxy", "http://p:1"),
        ("NETRC", "/n", "netrc_file", "/n"),
    ],
)
def test_every_variable_of_wandb_sets_its_field(
    variable: str, text: str, field: str, value: object
) -> None:
    assert getattr(load({variable: text}), field) == value


def test_an_empty_variable_is_not_set() -> None:
    assert load({"WANDB_MODE": "", "WANDB_TAGS": "", "WANDB_RUN_ID": ""}) == load()


@pytest.mark.parametrize(
    "url",
    [
        "https://api.wandb.ai",
        "https://api.forge.coreweave.com",
        "https://wandb.ai/x",
        "http://API.WANDB.AI:443/",
    ],
)
def test_the_vendors_cloud_is_no_server_of_ours(url: str) -> None:
    assert load({"WANDB_BASE_URL": url}).base_url is None
    assert load(files=[SettingsText("f", f"[default]\nbase_url = {url}\n")]).base_url is None


def test_a_server_of_ones_own_is_kept_without_its_last_slash() -> None:
    assert load({"WANDB_BASE_URL": "http://ml:8080/"}).base_url == "http://ml:8080"
    assert load(base_url="https://mywandb.ai.example.org").base_url is not None


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"run_id": "a/b"}, "argument run_id.*'/'"),
        ({"run_id": " a"}, "space"),
        ({"run_id": "a" * 129}, "128"),
        ({"run_id": ".."}, "dots"),
        ({"project": "p#1"}, "'#'"),
        ({"mode": "onlin"}, "one of online, offline, disabled"),
        ({"mode": "local"}, "choose online"),
        ({"base_url": "ml:8080"}, "http://"),
        ({"fork_from": "abc"}, "ans3bsax"),
        ({"resume": "allow", "fork_from": "a?_step=1"}, "exclude each other"),
        ({"run_tags": ["a", ""]}, "1 to 256"),
        ({"x_stats_sampling_interval": 0.0}, "0.1"),
        ({"finish_timeout": -1}, "from 0 on"),
        ({"api_key": "a\nb"}, "spaces or line breaks"),
    ],
)
def test_a_wrong_value_names_the_setting_and_what_is_wanted(
    overrides: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        load(**overrides)


def test_a_wrong_value_names_the_variable_or_the_line() -> None:
    with pytest.raises(UsageError, match="environment variable WANDB_MODE"):
        load({"WANDB_MODE": "x"})
    with pytest.raises(UsageError, match="/f line 3"):
        load(files=[SettingsText("/f", "# mine\n[default]\nmode = x\n")])


def test_files_may_hold_what_is_no_setting_of_ours() -> None:
    text = "[other]\nproject = no\n[default]\nanonymous = must\nroot_dir = /x\nfoo\nproject: yes\n"
    settings = load(files=[SettingsText("f", text)])
    assert settings.project == "yes"
    assert settings.root_dir != "/x"  # a file cannot say where files are, as with wandb


def test_disabled_in_a_file_is_a_mode() -> None:
    assert load(files=[SettingsText("f", "[default]\ndisabled = true\n")]).mode == "disabled"


def test_settings_by_hand_take_every_field_of_wandb() -> None:
    settings = Settings(mode="offline", _disable_stats=True, program_relpath="x", init_timeout=3)
    assert settings.given() == {"mode": "offline", "x_disable_stats": True, "init_timeout": 3.0}
    assert settings.mode == "offline"
    assert settings.program_relpath is None
    assert settings.run_name is None
    settings.silent = True
    assert settings.given()["silent"] is True


def test_a_misspelt_setting_is_told_the_right_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'finish_timeout'"):
        Settings(finish_timout=3)
    with pytest.raises(AttributeError):
        _ = Settings().no_such_thing


def test_every_public_field_of_wandb_is_known_or_ignored() -> None:
    wandb = pytest.importorskip("wandb.sdk.wandb_settings")
    ours = set(ClientSettings.__struct_fields__) | IGNORED
    assert sorted(set(wandb.Settings.model_fields) - ours) == []


def test_why_names_the_source_of_each_value_and_shows_no_secret() -> None:
    environ = {"WANDB_API_KEY": "k" * 40, "WANDB_X_EXTRA_HTTP_HEADERS": '{"A": "secret"}'}
    explained = {each.name: each for each in explain_client_settings(environ, [GLOBAL], {})}
    assert explained["project"].source == "/home/u/.config/wandb/settings line 2"
    assert explained["api_key"].source == "environment variable WANDB_API_KEY"
    assert explained["mode"].source == "default"
    assert "k" * 5 not in explained["api_key"].value
    assert "secret" not in explained["x_extra_http_headers"].value
    assert "secret" not in repr(load(environ))
    assert "k" * 5 not in repr(load(environ))


@pytest.mark.parametrize("setting", explain_client_settings({}, [], {}), ids=lambda s: s.name)
def test_every_setting_is_documented_in_a_sentence(setting) -> None:
    assert re.fullmatch(r"[A-Z0-9a-z$].{10,}\.", setting.doc, flags=re.S)


@pytest.mark.parametrize("value", [3, 1.5, ["a"]])
def test_a_name_that_is_no_text_is_refused_in_plain_words(value: object) -> None:
    with pytest.raises(UsageError, match=r"run_name .*argument run_name.*: text is wanted, not "):
        load_client_settings({}, [], {"run_name": value})

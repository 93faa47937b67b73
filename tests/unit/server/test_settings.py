from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.server.settings import ServerSettings, explain_settings, load_settings

LAYERS = ("default", "file", "environment", "command line")


@given(file=st.booleans(), environment=st.booleans(), flag=st.booleans())
def test_the_last_of_default_file_environment_and_flag_counts(
    file: bool, environment: bool, flag: bool
) -> None:
    environ = {"STEELYARD_PORT": "3"} if environment else {}
    text, flags = ("port = 2" if file else None), {"port": 4 if flag else None}
    strongest = max((file * 1, environment * 2, flag * 3))
    assert load_settings(environ, text, flags).port == (8080, 2, 3, 4)[strongest]
    explained = {one.name: one for one in explain_settings(environ, text, flags)}
    assert explained["port"].source == LAYERS[strongest]


def test_every_setting_has_a_default_and_says_what_it_means() -> None:
    for one in explain_settings({}, None, {}):
        assert len(one.doc) > 20, one.name
        assert one.environment_name == f"STEELYARD_{one.name.upper()}"
    assert ServerSettings() == load_settings({}, None, {})


@pytest.mark.parametrize(
    ("environ", "file", "says"),
    [
        ({"STEELYARD_PORT": "many"}, None, "STEELYARD_PORT"),
        ({"STEELYARD_PORT": "70000"}, None, "70000"),
        ({"STEELYARD_ALLOW_CHOSEN_API_KEYS": "maybe"}, None, "STEELYARD_ALLOW_CHOSEN_API_KEYS"),
        ({"STEELYARD_BASE_URL": "runs.example"}, None, "http://"),
        ({}, "port = 'x'", "settings file"),
        ({}, "prot = 1", "prot"),
        ({}, "port = = 1", "TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(
    environ: dict[str, str], file: str | None, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        load_settings(environ, file, {})


def test_words_of_the_environment_become_values() -> None:
    environ = {"STEELYARD_ALLOW_CHOSEN_API_KEYS": "true", "STEELYARD_DATA_DIR": "~/runs"}
    settings = load_settings(environ, None, {})
    assert settings.allow_chosen_api_keys is True
    assert settings.data_dir == Path("~/runs").expanduser()


@pytest.mark.parametrize(
    ("host", "base_url", "public", "loopback"),
    [
        ("127.0.0.1", "", "http://localhost:8080", True),
        ("::1", "", "http://localhost:8080", True),
        ("localhost", "", "http://localhost:8080", True),
        ("0.0.0.0", "", "http://localhost:8080", False),
        ("::", "", "http://localhost:8080", False),
        ("10.0.0.7", "", "http://10.0.0.7:8080", False),
        ("fd00::7", "", "http://[fd00::7]:8080", False),
        ("0.0.0.0", "https://runs.example/lab/", "https://runs.example/lab", False),
    ],
)
def test_the_public_url_and_who_can_connect_follow_from_the_host(
    host: str, base_url: str, public: str, loopback: bool
) -> None:
    settings = ServerSettings(host=host, base_url=base_url)
    assert settings.public_url == public
    assert settings.is_loopback is loopback


def test_the_database_is_sqlite_in_the_data_directory_unless_said_otherwise(
    tmp_path: Path,
) -> None:
    settings = ServerSettings(data_dir=tmp_path)
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/steelyard.db"
    other = msgspec.structs.replace(settings, database_url="postgresql://host/name")
    assert other.effective_database_url == "postgresql://host/name"


AWS = {
    "AWS_ENDPOINT_URL": "https://minio.example.org",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "theirs",
    "AWS_SECRET_ACCESS_KEY": "their secret",
    "AWS_SESSION_TOKEN": "their token",
}


def test_variables_of_aws_say_how_to_reach_a_store_unless_settings_do() -> None:
    told = load_settings(AWS, None, {"blobs_url": "s3://bucket/team"})
    assert told.s3_endpoint == "https://minio.example.org"
    assert (told.s3_region, told.s3_session_token) == ("eu-central-1", "their token")
    own = load_settings(AWS, 's3_region = "us-west-2"', {})
    assert (own.s3_region, own.s3_access_key_id) == ("us-west-2", "theirs")


def test_a_key_is_never_mixed_with_the_secret_or_token_of_another() -> None:
    file = 's3_access_key_id = "ours"\ns3_secret_access_key = "our secret"'
    settings = load_settings(AWS, file, {})
    assert settings.s3_access_key_id == "ours"
    assert (settings.s3_secret_access_key, settings.s3_session_token) == ("our secret", "")
    with pytest.raises(Invalid, match="belong together"):
        load_settings(AWS, 's3_access_key_id = "ours"', {})


def test_secrets_are_not_printed() -> None:
    explained = explain_settings(AWS, None, {})
    assert "their secret" not in str(explained) and "their token" not in str(explained)
    shown = {setting.name: setting for setting in explained}
    assert (shown["s3_secret_access_key"].value, shown["s3_access_key_id"].value) == (
        "***",
        "theirs",
    )
    assert shown["s3_secret_access_key"].source == "environment"


@pytest.mark.parametrize("url", ["/srv/blobs", "s3://", "https://bucket", "s3:///prefix"])
def test_a_place_for_blobs_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="s3://BUCKET"):
        load_settings({}, None, {"blobs_url": url})

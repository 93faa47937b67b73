from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.capture.secrets import (
    is_secret_name,
    redact_arguments,
    redact_text,
    strip_channel_token,
    strip_url_credentials,
)

CREDENTIALS = (
    "--api-key --apikey --api_key --APIKey wandb.api_key +wandb.api_key --token --hf-token "
    "--hf_token HF_TOKEN --authToken --password --db-passwd --secret --client-secret "
    "--aws-secret-access-key --private-key -password"
)
OTHERS = (
    "--tokenizer --max-tokens --num_tokens --tokens-per-batch --token-count --pad-token "
    "--eos_token --mask-token --key --key-dim --num-keys --lr --monkey --sort-key --author "
    "--passes --secretary - -- 12"
)


@pytest.mark.parametrize("name", CREDENTIALS.split())
def test_names_of_credentials(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["", *OTHERS.split()])
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret_name(name)


def test_values_behind_and_within_flags_are_starred_out() -> None:
    given_line = ["--api-key", "abc", "--token=abc", "hf.token=abc", "--lr", "0.1", "data.npz"]
    assert redact_arguments(given_line) == [
        *("--api-key", "***", "--token=***", "hf.token=***", "--lr", "0.1", "data.npz")
    ]


def test_a_value_may_begin_with_one_dash() -> None:
    assert redact_arguments(["--password", "-x1"]) == ["--password", "***"]


def test_a_flag_without_value_does_not_swallow_the_next_flag() -> None:
    assert redact_arguments(["--token", "--lr", "0.1"]) == ["--token", "--lr", "0.1"]


def test_well_known_keys_are_starred_out_wherever_they_stand() -> None:
    github = "ghp_" + "a1" * 18
    assert redact_arguments([github, f"--x={github}"]) == ["***", "--x=***"]
    assert redact_text(f"run --env A=hf_{'Q' * 34} now") == "run --env A=*** now"
    assert redact_text("AKIAIOSFODNN7EXAMPLE") == "***"


def test_commits_and_plain_words_stay() -> None:
    line = ["train.py", "0d3f" * 10, "sk-learn", "--name=eyJust", "a@b.org", "C:/x"]
    assert redact_arguments(line) == line


def test_users_of_urls_are_starred_out() -> None:
    line = ["--db=postgresql://me:pw@host/db", "s3://bucket/a@b"]
    assert redact_arguments(line) == ["--db=postgresql://***@host/db", "s3://bucket/a@b"]


def test_a_password_with_an_at_sign_goes_as_a_whole() -> None:
    assert strip_url_credentials("https://me:p@ss@example.org/r") == "https://example.org/r"
    assert redact_text("redis://:p@ss@host/0") == "redis://***@host/0"


def test_conda_channels_lose_their_token() -> None:
    url = "https://conda.example.org/t/tk-123/team/linux-64"
    assert strip_channel_token(url) == "https://conda.example.org/team/linux-64"


@given(st.text(alphabet="abc:/@.#? "), st.sampled_from(["https://", "ssh://", "git@", ""]))
def test_stripping_is_done_once(text: str, scheme: str) -> None:
    once = strip_url_credentials(scheme + text)
    assert "secret" not in strip_url_credentials(f"https://user:secret@{text}")
    assert len(once) <= len(scheme + text)


@given(st.lists(st.text()))
def test_any_command_line_keeps_its_length(arguments: list[str]) -> None:
    assert len(redact_arguments(arguments)) == len(arguments)

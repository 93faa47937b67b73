"""Logging in: where keys are found, asked for, checked and kept. R-002, R-004, R-005, R-006."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steelyard.errors import Unauthenticated
from steelyard.sdk.login import check_key, machine_of
from steelyard.testing.server import ThrowawayServer
from tests.support.sdk_user import SdkUser

FOREIGN = 'machine a login b password "never closed\nmachine c login d password e\n'
WRONG_KEY = "w" * 40
INIT = "import steelyard as wandb; wandb.init(project='login').finish()"


def test_a_piped_key_is_checked_and_kept_beside_foreign_ones(
    user: SdkUser, sdk_server: ThrowawayServer
) -> None:
    netrc = user.home / ".netrc"
    netrc.write_text(FOREIGN)
    netrc.chmod(0o644)
    key = sdk_server.owner_key
    done = user.command("login", "--host", sdk_server.base_url, input=key)
    assert f"{sdk_server.base_url}/authorize" in done.stderr
    assert key not in done.stdout + done.stderr
    host = sdk_server.base_url.removeprefix("http://")
    assert netrc.read_text() == f"{FOREIGN}machine {host}\n  login user\n  password {key}\n"
    assert stat.S_IMODE(netrc.stat().st_mode) == 0o600

    # From now on scripts find the server and the key by themselves.
    done = user.run(INIT)
    assert "is sent" in done.stderr
    assert "login" in user.command("doctor", "--client").stdout

    done = user.command("logout")
    assert netrc.read_text() == FOREIGN
    assert "no server is configured" in user.run(INIT).stderr


def test_a_wrong_key_is_not_kept(user: SdkUser, sdk_server: ThrowawayServer) -> None:
    done = user.command("login", "--host", sdk_server.base_url, input=WRONG_KEY, check=False)
    assert done.returncode == 1
    assert "refuses the API key from standard input" in done.stderr
    assert not (user.home / ".netrc").exists()
    done = user.command("login", "--host", sdk_server.base_url, "--no-verify", input=WRONG_KEY)
    assert WRONG_KEY in (user.home / ".netrc").read_text()


def test_login_names_what_it_lacks(user: SdkUser, sdk_server: ThrowawayServer) -> None:
    assert "which server?" in user.command("login", check=False).stderr
    done = user.command("login", "--host", sdk_server.base_url, check=False)
    assert done.returncode == 1
    assert "WANDB_API_KEY" in done.stderr
    assert "steelyard login --host" in done.stderr
    done = user.command("login", "--host", "http://127.0.0.1:9", input=WRONG_KEY, check=False)
    assert "connection refused" in done.stderr


def test_without_key_and_terminal_a_script_fails_fast_and_names_both_ways(
    user: SdkUser, sdk_server: ThrowawayServer
) -> None:
    done = user.run(INIT, check=False, WANDB_BASE_URL=sdk_server.base_url)
    assert done.returncode != 0
    assert "set WANDB_API_KEY" in done.stderr
    assert f"steelyard login --host {sdk_server.base_url}" in done.stderr


def test_the_key_of_the_environment_wins_over_netrc(
    user: SdkUser, sdk_server: ThrowawayServer
) -> None:
    login = "import steelyard as wandb; print(wandb.login())"
    base_url, key = sdk_server.base_url, sdk_server.owner_key
    user.command("login", "--host", base_url, key)
    kept = (user.home / ".netrc").read_bytes()
    assert user.run(login).stdout == "True\n"
    for bad in ("bad", WRONG_KEY):
        done = user.run(login, check=False, WANDB_API_KEY=bad)
        assert "Unauthenticated" in done.stderr
        assert "environment variable WANDB_API_KEY" in done.stderr
    done = user.run(INIT, check=False, WANDB_API_KEY="bad")
    assert "environment variable WANDB_API_KEY" in done.stderr
    assert (user.home / ".netrc").read_bytes() == kept

    (user.home / ".netrc").write_text(kept.decode().replace(key, WRONG_KEY))
    changed = (user.home / ".netrc").read_bytes()
    assert user.run(login, WANDB_API_KEY=key).stdout == "True\n"
    assert (user.home / ".netrc").read_bytes() == changed


def test_login_in_a_script_holds_for_its_runs(user: SdkUser, sdk_server: ThrowawayServer) -> None:
    script = f"""
import steelyard as wandb
assert wandb.login(key={sdk_server.owner_key!r}, host={sdk_server.base_url!r})
run = wandb.init(project='login')
print(run.settings.base_url, run.settings.mode, run.settings.api_key_source)
assert wandb.login() is False
run.finish()
"""
    # Without a home directory nothing can be kept, and it works all the same.
    done = user.run(script, HOME=str(user.home / "none"), WANDB_DIR=str(user.home))
    assert done.stdout == f"{sdk_server.base_url} online login()\n"
    assert "WARNING cannot write the API key" in done.stderr
    assert "WARNING cannot keep base_url" in done.stderr
    assert "after init()" in done.stderr


def test_login_in_a_script_goes_on_when_the_server_is_away(user: SdkUser) -> None:
    away = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "k" * 40}
    done = user.run("import steelyard as wandb\nprint(wandb.login())", **away)
    assert done.stdout == "True\n"
    assert "not checked: " in done.stderr and "connection refused" in done.stderr
    done = user.run("import steelyard as wandb\nwandb.login(verify=True)", check=False, **away)
    assert "steelyard.errors.Unavailable: " in done.stderr


def test_login_does_nothing_for_runs_that_send_nothing(user: SdkUser) -> None:
    script = "import steelyard as wandb; print(wandb.login())"
    for mode in ("offline", "disabled"):
        assert user.run(script, WANDB_MODE=mode).stdout == "False\n"
    done = user.run(script, check=False)
    assert "there is no server to log in to" in done.stderr


def test_nobody_is_asked_when_prompts_are_off(user: SdkUser, sdk_server: ThrowawayServer) -> None:
    script = "import steelyard as wandb; print(wandb.login(prompt=False))"
    assert user.run(script, WANDB_BASE_URL=sdk_server.base_url).stdout == "False\n"


@pytest.mark.parametrize("timeout", ["", ", timeout=60"])
def test_on_a_terminal_the_key_is_asked_for_unseen(
    user: SdkUser, sdk_server: ThrowawayServer, timeout: str
) -> None:
    script = f"import steelyard as wandb; print(wandb.login(host={sdk_server.base_url!r}{timeout}))"
    shown, status = talk(user, script, sdk_server.owner_key)
    assert f"{sdk_server.base_url}/authorize" in shown
    assert sdk_server.owner_key not in shown
    assert "True" in shown
    assert status == 0
    assert sdk_server.owner_key in (user.home / ".netrc").read_text()


def test_on_a_terminal_one_may_stay_offline(user: SdkUser, sdk_server: ThrowawayServer) -> None:
    user.environ["WANDB_BASE_URL"] = sdk_server.base_url
    shown, status = talk(user, INIT, "")
    assert status == 0
    assert "offline" in shown
    (folder,) = user.folders()
    assert folder.path.name.startswith("offline-run-")


def talk(user: SdkUser, script: str, answer: str) -> tuple[str, int]:
    """(what the terminal showed, exit status) of a script that asks for a key on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=user.home,
        env=user.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, is_answered = b"", False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 1.0)[0]:
            try:
                data = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            shown += data
        if not is_answered and b"Enter" in shown and shown.rstrip().endswith(b":"):
            is_answered = True
            os.write(ours, f"{answer}\n".encode())
        if process.poll() is not None and not select.select([ours], [], [], 0)[0]:
            break
    os.close(ours)
    return shown.decode(), process.wait(10)


@pytest.mark.parametrize(
    "key", ["short", "a" * 39, "prefix-" + "a" * 39, "a" * 20 + " " + "a" * 20, "a" * 40 + "\n"]
)
def test_what_cannot_be_a_key_is_refused_with_its_source(key: str) -> None:
    with pytest.raises(Unauthenticated, match="from the moon"):
        check_key(key, "the moon")


def test_keys_may_have_a_prefix() -> None:
    assert check_key("local-" + "a" * 40, "x").key == "local-" + "a" * 40


def test_machines_are_named_as_wandb_names_them() -> None:
    assert machine_of("http://127.0.0.1:8080") == "127.0.0.1:8080"
    assert machine_of("https://ml.example.org/prefix") == "ml.example.org"


def test_settings_of_scripts_are_shown_with_their_sources(user: SdkUser) -> None:
    user.home.joinpath("wandb").mkdir()
    Path(user.home, "wandb/settings").write_text("[default]\nproject = here\n")
    shown = user.command("settings", "--client", "--why", WANDB_ENTITY="me").stdout
    assert "project = here\n    from: wandb/settings line 2" in shown
    assert "entity = me\n    from: environment variable WANDB_ENTITY" in shown
    assert "project" in user.command("settings", "--client").stdout


def test_doctor_says_what_a_script_lacks(user: SdkUser, sdk_server: ThrowawayServer) -> None:
    assert "none is configured" in user.command("doctor", "--client").stdout
    done = user.command("doctor", "--client", check=False, WANDB_BASE_URL=sdk_server.base_url)
    assert done.returncode == 1
    assert "no API key is known" in done.stdout

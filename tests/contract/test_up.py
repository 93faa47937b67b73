"""`steelyard up` and the commands around it, as processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
import urllib3

from steelyard.server.db.open import open_database
from steelyard.testing.server import ServerDidNotStart, ThrowawayServer
from tests.support.databases import Kind


def run(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """A command with nothing of ours in its environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("STEELYARD")}
    return subprocess.run(
        [sys.executable, "-m", "steelyard", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env=kept | environ,
        check=False,
    )


def refusal(*arguments: str, **environ: str) -> str:
    """The one line that a command prints when it will not."""
    done = run(*arguments, **environ)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("steelyard: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_the_first_start_makes_an_owner_and_says_how_to_begin(server: ThrowawayServer) -> None:
    key_file = server.data_dir / "owner.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    assert server.owner_key not in server.log, "the key is in no log"
    url = f"http://localhost:{server.port}"
    assert f"export WANDB_BASE_URL={url}" in server.log
    assert f"export WANDB_API_KEY=$(cat {key_file})" in server.log
    me = server.call("GET", "/api/v1/me")
    assert me["is_admin"] and me["server"]["base_url"] == url
    link = re.search(r"(/login/once\?token=\S+)", server.log)
    assert link is not None
    answer = server.request("GET", link[1], key="")
    assert (answer.status, answer.headers["location"]) == (302, "/")


def test_a_restart_keeps_owner_and_key(server: ThrowawayServer) -> None:
    key = server.owner_key
    assert server.stop() == 0
    server.start()
    assert server.owner_key == key
    assert server.call("GET", "/api/v1/me")["is_admin"]
    assert len(server.call("GET", "/api/v1/keys")["items"]) == 1


def test_a_stop_ends_event_streams_and_lets_requests_finish(server: ThrowawayServer) -> None:
    made = """mutation { upsertBucket(input: {name: "r", modelName: "p"}) { inserted } }"""
    server.graphql(made)
    owner = server.call("GET", "/api/v1/me")["username"]
    headers = urllib3.make_headers(basic_auth=f"api:{server.owner_key}")
    stream = urllib3.request(
        "GET",
        f"{server.base_url}/api/v1/{owner}/p/live",
        headers=headers,
        preload_content=False,
        timeout=30,
    )
    assert stream.status == 200
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 8
    stream.close()
    assert "Traceback" not in server.log


def test_a_second_signal_ends_it_at_once(server: ThrowawayServer) -> None:
    """The first waits for a request that never ends: its body does not come."""
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer " + server.owner_key.encode() + b"\r\n\r\n{"
        )
        time.sleep(0.5)
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(1.5)
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait(5) == 128 + signal.SIGTERM


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal("up", "--no-browser", "--port", port, "--data-dir", str(tmp_path / "d"))
    assert port in said and "--port" in said


def test_the_network_is_let_in_only_when_somebody_has_a_password(tmp_path: Path) -> None:
    directory = str(tmp_path / "d")
    wide = ("up", "--no-browser", "--host", "0.0.0.0", "--port", "0", "--data-dir", directory)
    said = refusal(*wide)
    command = re.search(r"steelyard (user password (\S+) --data-dir \S+)", said)
    assert command is not None, said
    assert run(*command[1].split(), stdin="long enough\n").returncode == 0
    with ThrowawayServer(Path(directory), arguments=["--host", "0.0.0.0"]) as server:
        assert "login/once" not in server.log
        content = {"username": command[2], "password": "long enough"}
        assert server.request("POST", "/api/v1/login", content=content, key="").status == 204


def test_data_of_a_newer_version_is_refused(tmp_path: Path, server: ThrowawayServer) -> None:
    del tmp_path
    server.stop()
    arguments = server._command
    url = (
        arguments[arguments.index("--database") + 1]
        if "--database" in arguments
        else f"sqlite:///{server.data_dir / 'steelyard.db'}"
    )
    db = open_database(url)
    db.write_now(lambda conn: conn.execute(sa.text("UPDATE alembic_version SET version_num='9'")))
    db.close()
    with pytest.raises(ServerDidNotStart, match="newer version of Steelyard"):
        server.start()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--database", "mysql://x/y"), "not supported"),
        (("--database", "postgresql://127.0.0.1:1/none"), "does not answer"),
        (("--host", "no.such.host.invalid"), "--host"),
        (("--base-url", "ftp://x"), "base_url"),
    ],
)
def test_settings_that_cannot_work_are_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, str], says: str
) -> None:
    directory = str(tmp_path / "d")
    base = ("up", "--no-browser", "--port", "0", "--data-dir", directory)
    assert says in refusal(*base, *arguments)


def test_a_data_directory_that_cannot_be_made_is_said_in_one_line() -> None:
    said = refusal("up", "--no-browser", "--port", "0", "--data-dir", "/proc/nothing/here")
    assert "data directory" in said


def test_commands_without_data_say_where_they_looked(tmp_path: Path) -> None:
    for command in (("user", "list"), ("key", "list"), ("backup", str(tmp_path / "b.tar"))):
        assert str(tmp_path / "none") in refusal(*command, "--data-dir", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_users_and_keys_are_managed_beside_a_running_server(server: ThrowawayServer) -> None:
    where = arguments_of(server)

    def command(*arguments: str, stdin: str = "") -> str:
        done = run(*arguments, *where, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    key = command("user", "add", "ann", "--email", "ann@example.com").strip()
    assert server.call("GET", "/api/v1/me", key=key)["username"] == "ann"
    command("user", "password", "ann", stdin="long enough\n")
    content = {"username": "ann@example.com", "password": "long enough"}
    assert server.request("POST", "/api/v1/login", content=content, key="").status == 204
    assert re.search(r"^ann +user +password +ann@example.com$", command("user", "list"), re.M)
    other = command("key", "create", "--user", "ann", "--name", "spare").strip()
    number = command("key", "list", "--user", "ann").split()[0]
    command("key", "revoke", number, "--user", "ann")
    assert run("key", "revoke", number, "--user", "ann", *where).returncode == 1
    assert server.request("GET", "/api/v1/me", key=other).status == 401
    command("user", "remove", "ann", "--yes")
    assert "ann" not in command("user", "list")


def test_a_lost_owner_key_is_replaced_by_one_command(server: ThrowawayServer) -> None:
    (server.data_dir / "owner.key").unlink()
    assert run("key", "create", "--owner-file", *arguments_of(server)).returncode == 0
    assert stat.S_IMODE((server.data_dir / "owner.key").stat().st_mode) == 0o600
    assert server.call("GET", "/api/v1/me")["is_admin"]


def test_a_backup_of_a_running_server_starts_as_a_new_one(
    server: ThrowawayServer, tmp_path: Path, database_kind: Kind
) -> None:
    made = """mutation { upsertBucket(input: {name: "r", modelName: "p"}) { inserted } }"""
    server.graphql(made)
    archive = str(tmp_path / "backup.tar")
    assert run("backup", archive, *arguments_of(server)).returncode == 0
    target = tmp_path / "restored"
    assert run("restore", archive, "--data-dir", str(target)).returncode == 0
    (target / "owner.key").write_text(server.owner_key)
    with ThrowawayServer(target) as restored:
        owner = restored.call("GET", "/api/v1/me")["username"]
        assert restored.call("GET", f"/api/v1/{owner}/p/runs/r")["name"] == "r"


def test_a_full_disk_leaves_no_half_made_backup(server: ThrowawayServer, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; the operating system answers alike."""
    target = tmp_path / "backups" / "b.tar"
    target.parent.mkdir()
    command = [sys.executable, "-m", "steelyard", "backup", str(target), *arguments_of(server)]
    limited = ["bash", "-c", 'ulimit -f 4; exec "$@"', "bash", *command]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert "is full; nothing was left there" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(target.parent.iterdir()) == []


def test_an_interrupted_backup_leaves_nothing(server: ThrowawayServer, tmp_path: Path) -> None:
    target = tmp_path / "backups" / "b.tar"
    target.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "steelyard", "backup", str(target), *arguments_of(server)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not list(target.parent.iterdir()) and process.poll() is None:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGTERM)
    status = process.wait(30)
    left = [path.name for path in target.parent.iterdir()]
    assert left == ([target.name] if status == 0 else [])


def test_doctor_finds_nothing_wrong_with_a_good_server_and_says_what_is(
    server: ThrowawayServer,
) -> None:
    good = run("doctor", *arguments_of(server))
    assert good.returncode == 0, good.stdout
    assert f"pid {server.pid} answers" in good.stdout
    assert "FAIL" not in good.stdout
    (server.data_dir / "owner.key").chmod(0o644)
    bad = run("doctor", *arguments_of(server))
    assert bad.returncode == 1
    assert re.search(r"FAIL +owner.key .*\n.*chmod 600", bad.stdout)


def test_settings_say_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text("slow_request_ms = 5\nport = 1111\n")
    done = run(
        *("settings", "--why", "--data-dir", str(tmp_path)),
        STEELYARD_PORT="2222",
        STEELYARD_DATABASE_URL="postgresql://me:hunter2@host/name",
    )
    assert "port = 2222\n    from: environment" in done.stdout
    assert "slow_request_ms = 5\n    from: file" in done.stdout
    assert f"data_dir = {tmp_path}\n    from: command line" in done.stdout
    assert "host = 127.0.0.1\n    from: default" in done.stdout
    assert "hunter2" not in done.stdout


def test_health_and_metrics_tell_what_happens(shared_server: ThrowawayServer) -> None:
    assert shared_server.request("GET", "/healthz", key="").status == 200
    assert shared_server.call("GET", "/ready", key="")["database"] in ("sqlite", "postgresql")
    owner = shared_server.call("GET", "/api/v1/me")["username"]
    shared_server.graphql(
        'mutation { upsertBucket(input: {name: "m", modelName: "metrics"}) { inserted } }'
    )
    rows = {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step": 0}', '{"_step": 1}']}}
    path = f"/files/{owner}/metrics/m/file_stream"
    shared_server.call("POST", path, content={"files": rows})
    text = shared_server.request("GET", "/metrics", key="").data.decode()
    assert re.search(
        r'^steelyard_http_requests_total{method="GET",route="/api/v1/me",status="200"} \d+$',
        text,
        re.M,
    )
    ingested = re.search(r"^steelyard_ingest_rows_total (\d+)", text, re.M)
    assert ingested is not None and int(ingested[1]) >= 2
    memory = re.search(r"^process_resident_memory_bytes (\d+)", text, re.M)
    assert memory is not None and int(memory[1]) > 10_000_000


def test_errors_carry_an_id_and_no_traceback(shared_server: ThrowawayServer) -> None:
    answer = shared_server.request("GET", "/api/v1/nothing-here")
    assert answer.status == 404
    problem = json.loads(answer.data)
    assert (problem["status"], problem["code"], problem["retryable"]) == (404, "not_found", False)
    assert re.fullmatch("[0-9a-f]{12}", answer.headers["x-request-id"])
    wrong = shared_server.request("POST", "/api/v1/login", body=b"{", key="")
    assert wrong.status == 400 and json.loads(wrong.data)["code"] == "invalid"
    assert shared_server.request("DELETE", "/api/v1/me").status == 405
    large = shared_server.request("POST", "/api/v1/login", body=b"x" * 5_000_000, key="")
    assert large.status == 413


def test_a_client_that_hangs_up_is_no_mistake_of_the_server(server: ThrowawayServer) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(
                b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                b"Authorization: Bearer " + server.owner_key.encode() + b"\r\n\r\n{"
            )
            time.sleep(0.05)
    assert server.is_ready()
    assert "level=error" not in server.log


def test_pages_are_served_with_their_policy_and_deep_links_are_pages(
    shared_server: ThrowawayServer,
) -> None:
    page = shared_server.request("GET", "/", key="")
    deep = shared_server.request("GET", "/ann/my-project/runs/abc", key="")
    assert deep.data == page.data
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    for path in ("/assets/../../settings.py", "/assets/%2e%2e/%2e%2e/settings.py", "/assets/no.js"):
        assert shared_server.request("GET", path, key="").status in (200, 404)
        assert b"ServerSettings" not in shared_server.request("GET", path, key="").data


def arguments_of(server: ThrowawayServer) -> list[str]:
    """The flags that lead a command to the same data."""
    command = server._command
    flags = ["--data-dir", str(server.data_dir)]
    if "--database" in command:
        flags += ["--database", command[command.index("--database") + 1]]
    return flags

"""Adapter between the official client's "fixture service" and Steelyard's admin API.

The client's system tests create users, organizations and teams by POSTing commands to a service on
a second port. This one accepts those commands and performs them through `/api/v1/admin`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import quote

import urllib3

REQUEST_TIMEOUT_S = 25


class CommandFailed(Exception):
    """A command that could not be carried out; the test sees it as an HTTP error."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One command as it went."""

    path: str
    command: str
    seconds: float
    error: str | None


class AdminApi:
    """Steelyard's admin API, as an admin."""

    def __init__(self, base_url: str, key: str) -> None:
        self._root = base_url.rstrip("/") + "/api/v1/admin"
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(retries=False, timeout=REQUEST_TIMEOUT_S, maxsize=8)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, accept: int = 0
    ) -> None:
        """One call; the status `accept` counts as done. Raises CommandFailed."""
        try:
            answer = self._pool.request(method, self._root + path, json=body, headers=self._headers)
        except urllib3.exceptions.HTTPError as error:
            raise CommandFailed(f"{method} {path}: {error}") from error
        if answer.status >= 300 and answer.status != accept:
            detail = answer.data.decode(errors="replace")[:500]
            raise CommandFailed(f"{method} {path}: {answer.status} {detail}")


class Translator:
    """Turns one fixture command into calls of the admin API."""

    def __init__(self, admin: AdminApi) -> None:
        self._admin = admin
        self._lock = threading.Lock()
        self._users: set[str] = set()

    def perform(self, path: str, data: dict[str, Any]) -> None:
        command = str(data.get("command"))
        if path == "db/user":
            self._user(command, data)
        elif path == "db/organization":
            self._organization(command, data)
        elif path == "db/team":
            self._team(command, data)
        else:
            raise CommandFailed(f"no such fixture: {path}", 404)

    def _user(self, command: str, data: dict[str, Any]) -> None:
        if command in ("login", "logout"):
            return  # sessions of the web page; the client's tests do not use them
        if command == "down_all":
            with self._lock:
                names, self._users = sorted(self._users), set()
            for name in names:
                self._delete_user(name)
            return
        name = _require(data, "username")
        is_admin = bool(data.get("admin"))
        if command == "up":
            # The tests expect a user's key and password to be the user's name.
            user = {"username": name, "email": f"{name}@example.com", "password": name}
            self._admin.call(
                "POST", "/users", {**user, "admin": is_admin, "api_key": name}, accept=409
            )
            with self._lock:
                self._users.add(name)
        elif command == "password":
            password = data.get("password") or name
            change = {"password": password, "admin": is_admin, "api_key": name}
            self._admin.call("PATCH", f"/users/{quote(name, safe='')}", change)
        elif command == "down":
            self._delete_user(name)
            with self._lock:
                self._users.discard(name)
        else:
            raise CommandFailed(f"db/user: no such command: {command}", 400)

    def _delete_user(self, name: str) -> None:
        self._admin.call("DELETE", f"/users/{quote(name, safe='')}", accept=404)

    def _organization(self, command: str, data: dict[str, Any]) -> None:
        name = _require(data, "orgName")
        path = f"/organizations/{quote(name, safe='')}"
        if command == "up":
            body = {"name": name, "owner": data.get("username")}
            self._admin.call("POST", "/organizations", body, accept=409)
        elif command == "down":
            self._admin.call("DELETE", path, accept=404)
        elif command == "add_members":
            for member in (data.get("fixtureData") or {}).get("members") or []:
                body = {"username": member["username"], "role": member["role"]}
                self._admin.call("POST", f"{path}/members", body)
        else:
            raise CommandFailed(f"db/organization: no such command: {command}", 400)

    def _team(self, command: str, data: dict[str, Any]) -> None:
        if command != "up":
            raise CommandFailed(f"db/team: not supported: {command}", 400)
        state = data.get("fixtureData") or {}
        body = {
            "name": state["team"]["name"],
            "organization": state["organization"]["name"],
            "owner": data.get("username"),
            "plan": state.get("planName"),
        }
        self._admin.call("POST", "/teams", body, accept=409)


class FixtureService:
    """The service on a free port of this machine. `calls` lists what was asked of it."""

    def __init__(self, admin: AdminApi) -> None:
        self.calls: list[Call] = []
        self._translator = Translator(admin)
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                return

            def do_GET(self) -> None:
                known = self.path == "/health"
                _answer(self, *((200, {"ok": True}) if known else (404, {"error": "no such page"})))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                _answer(self, *service.carry_out(self.path.strip("/"), body))

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.port: int = self._listener.server_address[1]

    def __enter__(self) -> FixtureService:
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def carry_out(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and answer to one command."""
        started, command = time.monotonic(), ""
        status, error = 200, None
        try:
            data = json.loads(body or b"{}")
            command = str(data.get("command"))
            self._translator.perform(path, data)
        except CommandFailed as failure:
            status, error = failure.status, str(failure)
        except (ValueError, KeyError, TypeError) as failure:  # a command that is not as we know it
            status, error = 400, repr(failure)
        self.calls.append(Call(path, command, round(time.monotonic() - started, 3), error))
        if error:
            print(f"fixture {path} {command}: {error}", file=sys.stderr)
        return status, {"ok": error is None, "error": error}


def _require(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not value:
        raise CommandFailed(f"no {name}", 400)
    return str(value)


def _answer(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    encoded = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(encoded)))
    request.end_headers()
    request.wfile.write(encoded)

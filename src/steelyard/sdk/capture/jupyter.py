"""Which notebook a process belongs to: hints from the process, and the answer of its server."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping

from steelyard import limits

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any


def look_for_notebook(environ: Mapping[str, str]) -> dict[str, str] | None:
    """Hints at the notebook this process runs for; None outside notebooks. For the user's process.

    Keys, as far as found: `frontend` (jupyter, colab, kaggle, databricks, marimo), `path` (as the
    front end says it), `kernel` (id of the kernel), `runtime_dir`.
    """
    if "marimo._runtime.context" in sys.modules:
        return {"frontend": "marimo"}
    shell = _interactive_shell()
    if shell is None:
        return None
    hints = {"frontend": _name_frontend(environ)}
    # VS Code tells the path in the user's name space, jupyter_server >= 2 in the environment.
    path = getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__") or environ.get(
        "JPY_SESSION_NAME"
    )
    if isinstance(path, str):
        hints["path"] = path
    connection = _connection_file(shell)
    if connection is not None:
        runtime_dir, _, name = connection.rpartition("/")
        hints["runtime_dir"] = runtime_dir
        hints["kernel"] = name.removeprefix("kernel-").removesuffix(".json")
    return hints


def _interactive_shell() -> Any:
    """IPython's shell when it serves a notebook; None in scripts and in IPython's own terminal."""
    ipython = sys.modules.get("IPython")
    get_shell = getattr(ipython, "get_ipython", None)
    shell = get_shell() if callable(get_shell) else None
    is_terminal = type(shell).__name__ == "TerminalInteractiveShell"
    return None if shell is None or is_terminal else shell


def _name_frontend(environ: Mapping[str, str]) -> str:
    if "COLAB_RELEASE_TAG" in environ:
        return "colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in environ:
        return "kaggle"
    return "databricks" if "DATABRICKS_RUNTIME_VERSION" in environ else "jupyter"


def _connection_file(shell: Any) -> str | None:
    application = (getattr(shell, "config", None) or {}).get("IPKernelApp") or {}
    found = application.get("connection_file")
    return found if isinstance(found, str) and found else None


def find_notebook(facts: Mapping[str, Any]) -> str | None:
    """Path of the notebook, by hints, else by asking the Jupyter servers here. For the sender.

    Asks over loopback only, at most JUPYTER_SERVERS_ASKED_MAX servers, each at most
    JUPYTER_ANSWER_S.
    """
    hints = facts.get("notebook") or {}
    if hints.get("path"):
        return str(hints["path"])
    kernel, runtime_dir = hints.get("kernel"), hints.get("runtime_dir")
    if not kernel or not runtime_dir:
        return None
    for server in _list_servers(runtime_dir):
        for session in _list_sessions(server):
            if (session.get("kernel") or {}).get("id") == kernel:
                path = (session.get("notebook") or session).get("path")
                root = server.get("root_dir") or server.get("notebook_dir") or ""
                return os.path.join(root, path) if isinstance(path, str) else None
    return None


def _list_servers(runtime_dir: str) -> Iterator[dict[str, Any]]:
    """What running servers note of themselves in `jpserver-PID.json`, newest first."""
    import json
    from pathlib import Path

    files = [*Path(runtime_dir).glob("jpserver-*.json"), *Path(runtime_dir).glob("nbserver-*.json")]
    dated: list[tuple[float, dict[str, Any]]] = []
    for file in files:
        try:
            server = json.loads(file.read_text("utf-8"))
            dated.append((file.stat().st_mtime, server))
        except (OSError, ValueError):
            continue
    dated.sort(key=lambda pair: -pair[0])
    for _, server in dated[: limits.JUPYTER_SERVERS_ASKED_MAX]:
        if isinstance(server, dict):
            yield server


def _list_sessions(server: Mapping[str, Any]) -> list[dict[str, Any]]:
    import http.client
    import json
    import urllib.parse

    token = str(server.get("token") or "")
    try:
        url = urllib.parse.urlsplit(str(server.get("url", "")))
        if url.scheme != "http" or url.hostname not in ("localhost", "127.0.0.1", "::1"):
            return []
        with contextlib.closing(
            http.client.HTTPConnection(
                url.hostname, url.port or 80, timeout=limits.JUPYTER_ANSWER_S
            )
        ) as connection:
            headers = {"Authorization": f"token {token}"} if token else {}
            connection.request("GET", f"{url.path.rstrip('/')}/api/sessions", headers=headers)
            answer = json.loads(connection.getresponse().read(limits.JUPYTER_ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError):
        return []
    return [entry for entry in answer if isinstance(entry, dict)] if type(answer) is list else []

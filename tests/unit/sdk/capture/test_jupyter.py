from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from steelyard.sdk.capture.facts import gather_process_facts
from steelyard.sdk.capture.jupyter import find_notebook, look_for_notebook

KERNEL = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"


class ZMQInteractiveShell:
    """As IPython's, in what is looked at."""

    def __init__(self, **user_ns: Any) -> None:
        self.user_ns = user_ns
        self.config = {"IPKernelApp": {"connection_file": f"/run/jupyter/kernel-{KERNEL}.json"}}


class TerminalInteractiveShell(ZMQInteractiveShell):
    pass


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A place for the shell that `IPython.get_ipython()` answers with."""
    holder = SimpleNamespace(shell=None)
    module = ModuleType("IPython")
    module.get_ipython = lambda: holder.shell  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "IPython", module)
    return holder


def test_scripts_and_terminals_are_no_notebooks(shell: SimpleNamespace) -> None:
    assert look_for_notebook({}) is None
    shell.shell = TerminalInteractiveShell()
    assert look_for_notebook({}) is None


def test_a_kernel_is_a_notebook(shell: SimpleNamespace) -> None:
    shell.shell = ZMQInteractiveShell()
    assert look_for_notebook({}) == {
        "frontend": "jupyter",
        "runtime_dir": "/run/jupyter",
        "kernel": KERNEL,
    }
    assert gather_process_facts({})["is_notebook"]


def test_front_ends_say_the_path(shell: SimpleNamespace) -> None:
    shell.shell = ZMQInteractiveShell(__vsc_ipynb_file__="/home/me/a.ipynb")
    hints = look_for_notebook({})
    assert hints is not None and find_notebook({"notebook": hints}) == "/home/me/a.ipynb"
    shell.shell = ZMQInteractiveShell()
    hints = look_for_notebook({"JPY_SESSION_NAME": "/home/me/b.ipynb", "COLAB_RELEASE_TAG": "1"})
    assert hints is not None and hints["path"] == "/home/me/b.ipynb"
    assert hints["frontend"] == "colab"


class JupyterServer(BaseHTTPRequestHandler):
    """Answers as jupyter_server's `/api/sessions`."""

    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "token t0p"
        sessions = [
            {"kernel": {"id": "other"}, "path": "other.ipynb"},
            {"kernel": {"id": KERNEL}, "notebook": {"path": "work/train.ipynb"}},
        ]
        body = json.dumps(sessions).encode() if self.path == "/lab/api/sessions" else b"[]"
        self.send_response(200 if is_known else 403)
        self.end_headers()
        self.wfile.write(body if is_known else b"forbidden")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def jupyter_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), JupyterServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_server_is_asked_for_the_path(tmp_path: Path, jupyter_port: int) -> None:
    told = {"url": f"http://localhost:{jupyter_port}/lab/", "token": "t0p", "root_dir": "/home/me"}
    (tmp_path / "jpserver-1.json").write_text(json.dumps(told))
    (tmp_path / "jpserver-2.json").write_text("not json")
    (tmp_path / "jpserver-3.json").write_text(json.dumps({"url": "http://example.org/"}))
    facts = {"notebook": {"kernel": KERNEL, "runtime_dir": str(tmp_path)}}
    assert find_notebook(facts) == "/home/me/work/train.ipynb"


def test_servers_that_are_gone_or_refuse_are_no_fault(tmp_path: Path, jupyter_port: int) -> None:
    told = {"url": f"http://localhost:{jupyter_port}/lab/", "token": "wrong"}
    (tmp_path / "jpserver-1.json").write_text(json.dumps(told))
    (tmp_path / "jpserver-2.json").write_text(json.dumps({"url": "http://localhost:1/"}))
    facts = {"notebook": {"kernel": KERNEL, "runtime_dir": str(tmp_path)}}
    assert find_notebook(facts) is None
    assert find_notebook({"notebook": None}) is None

"""The official `wandb` client as a user has it: in its own process, with its own home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# A run takes 3 to 8 s on two busy cores. Far above that it hangs, which is what we look for.
TIMEOUT_S = 120


def clean_environ(
    home: Path, *, base_url: str = "", api_key: str = "", project: str = ""
) -> dict[str, str]:
    """Environment of a user who has never used wandb, apart from what is given.

    Nothing of the caller's WANDB_*, proxies or netrc reaches it.
    """
    home.mkdir(parents=True, exist_ok=True)
    environ = {
        "HOME": str(home),
        "NETRC": str(home / ".netrc"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "NO_PROXY": "localhost,127.0.0.1",
        "WANDB_DIR": str(home),
        "WANDB_CONFIG_DIR": str(home / "config"),
        "WANDB_CACHE_DIR": str(home / "cache"),
        "WANDB_DATA_DIR": str(home / "data"),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "PYTHONUNBUFFERED": "1",
    }
    chosen = {"WANDB_BASE_URL": base_url, "WANDB_API_KEY": api_key, "WANDB_PROJECT": project}
    return environ | {name: value for name, value in chosen.items() if value}


class OfficialClient:
    """Runs scripts and commands of the official client in one home directory."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.home = home
        self.environ = dict(environ)

    def run_script(
        self,
        script: str | Path,
        *arguments: str,
        check: bool = True,
        timeout_s: float = TIMEOUT_S,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python script, given as a path or as text, to its end."""
        return self._finish(
            self.start_script(script, *arguments, **environ), check=check, timeout_s=timeout_s
        )

    def start_script(
        self, script: str | Path, *arguments: str, **environ: str
    ) -> subprocess.Popen[str]:
        """Start a script and leave it running, the leader of its own process group."""
        source = [str(script)] if isinstance(script, Path) else ["-c", script]
        return self._start([sys.executable, *source, *arguments], environ)

    def command(
        self,
        *arguments: str,
        check: bool = True,
        timeout_s: float = TIMEOUT_S,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run `wandb …` to its end."""
        started = self.start_command(*arguments, **environ)
        return self._finish(started, check=check, timeout_s=timeout_s)

    def start_command(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start `wandb …` and leave it running, the leader of its own process group."""
        return self._start([sys.executable, "-m", "wandb", *arguments], environ)

    def offline_runs(self) -> list[Path]:
        """Folders of runs made offline, oldest first."""
        return sorted((self.home / "wandb").glob("offline-run-*"))

    def _start(self, command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.home,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _finish(
        self, started: subprocess.Popen[str], *, check: bool, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        try:
            output, _ = started.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            kill_group(started)
            output, _ = started.communicate()
            raise AssertionError(
                f"the client hangs: {started.args!r} after {timeout_s} s\n{output[-3000:]}"
            ) from error
        if check:
            assert started.returncode == 0, f"exit {started.returncode}\n{output[-3000:]}"
        return subprocess.CompletedProcess(started.args, started.returncode, output)


def kill_group(process: subprocess.Popen[str]) -> None:
    """kill -9 of a script and everything it started in its group, the client's service included."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return

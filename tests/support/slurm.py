"""A real Slurm for the tests: controller, node daemon and munge of one machine, without systemd."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30
SBIN = "/usr/sbin:/usr/local/sbin:/sbin"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")

# No cgroups and no plug-in that needs root: processes of a job are found by their parents. Any
# number of CPUs is believed, so that many tasks fit on a small machine. Two links stand for GPUs.
# Times are for a machine that is busy with other tests.
CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=120
MessageTimeout=100
TCPTimeout=60
BatchStartTimeout=200
MinJobAge=3600
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=64 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class SlurmNotInstalled(RuntimeError):
    pass


class SlurmCluster:
    """One node that is the whole cluster. Commands find it by `environ`."""

    def __init__(self) -> None:
        self._programs = _find_programs()
        # Not pytest's own directory: a socket path may have 107 characters at most.
        self.directory = Path(tempfile.mkdtemp(prefix="steelyard-slurm-", dir="/tmp"))
        self.node = socket.gethostname().partition(".")[0]
        self.environ = {"SLURM_CONF": str(self.directory / "slurm.conf")}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.directory.chmod(0o755)
        for name in ("munge", "state", "spool"):
            (self.directory / name).mkdir(mode=0o755)
        key = self.directory / "munge/key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        gpus = [self.directory / f"gpu{index}" for index in range(2)]
        for gpu in gpus:
            gpu.symlink_to("/dev/null")
        (self.directory / "gres.conf").write_text("".join(f"Name=gpu File={gpu}\n" for gpu in gpus))

    def start(self) -> None:
        """Start everything and wait until the node takes jobs."""
        munge = self.directory / "munge"
        self._launch(
            *("munged", "--foreground", "--force", "--num-threads=2"),
            *(f"--socket={munge}/socket", f"--key-file={munge}/key", f"--log-file={munge}/log"),
            *(f"--pid-file={munge}/pid", f"--seed-file={munge}/seed"),
        )
        self._wait_for(lambda: (munge / "socket").exists(), "munged")
        controller_port, node_port = _free_ports(2)
        (self.directory / "slurm.conf").write_text(
            CONF.format(
                host=self.node,
                user=pwd.getpwuid(os.geteuid()).pw_name,
                directory=self.directory,
                controller_port=controller_port,
                node_port=node_port,
            )
        )
        self._launch("slurmctld", "-D", "-i")
        self._launch("slurmd", "-D")
        self._wait_for(lambda: "idle" in self._ask("sinfo", "-h", "-o", "%T"), "the node")

    def run(self, program: str, *arguments: str) -> str:
        """What a command of Slurm prints; it has to succeed."""
        done = subprocess.run(
            [self._programs.get(program, program), *arguments],
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def start_soon(self, task: str) -> None:
        """Let a task begin that was put back into the queue: Slurm holds it for two minutes.

        Not in the second it was ended in: the node takes what begins then for what it has ended
        ("Job credential revoked").
        """
        self.run("scontrol", "update", f"JobId={task}", "StartTime=now+3")

    def remove(self) -> None:
        """End every job and daemon, and delete everything."""
        self._ask("scancel", "--signal=KILL", "--full", f"--user={os.geteuid()}")
        self._ask("scancel", f"--user={os.geteuid()}")
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _launch(self, program: str, *arguments: str) -> None:
        with (self.directory / f"{program}.out").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [self._programs[program], *arguments],
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_daemon_environ(self.environ),
                )
            )

    def _ask(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments],
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def _wait_for(self, happened: object, what: str) -> None:
        assert callable(happened)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not happened():
            ended = [process.args for process in self._processes if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "\n".join(
                    f"{path.name}: {path.read_text(errors='replace')[-2000:]}"
                    for path in self.directory.glob("*.out")
                )
                raise RuntimeError(f"Slurm does not start ({what}, ended: {ended})\n{logs}")
            time.sleep(0.05)


def _daemon_environ(environ: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": f"{os.defpath}:{SBIN}", "LC_ALL": "C", **environ}


def _find_programs() -> dict[str, str]:
    path = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    missing = sorted(name for name, place in found.items() if place is None)
    if missing:
        raise SlurmNotInstalled(
            f"the tests need Slurm and munge ({', '.join(missing)}); `make setup` installs them on "
            "Debian, elsewhere put them on PATH"
        )
    return {name: place for name, place in found.items() if place is not None}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

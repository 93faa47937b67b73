"""The real NVML bindings; where the machine has no driver, over a library that answers in C."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steelyard.sdk.capture.gpu_nvidia import open_nvidia

# As nvml.h declares them. Card 0 answers; card 1 has fallen off the bus; card 2 has no
# utilization (as a partitioned card) and does not know its temperature at the first time.
LIBRARY = r"""
#include <string.h>
typedef void *Device;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned pid; unsigned long long used; unsigned gi, ci; } Process;
enum { OK = 0, NOT_SUPPORTED = 3, NO_SIZE = 7, LOST = 15, UNKNOWN = 999 };
static int asked[3];
static char handles[3];
#define CARD(d) ((int)((char *)(d) - handles))
int nvmlInitWithFlags(unsigned flags) { return OK; }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int r) { return "error"; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, Device *d) {
  if (i == 1) return LOST;
  *d = handles + i; return OK; }
int nvmlDeviceGetName(Device d, char *s, unsigned n) { strcpy(s, "NVIDIA H200"); return OK; }
int nvmlDeviceGetUUID(Device d, char *s, unsigned n) { strcpy(s, "GPU-1234"); return OK; }
int nvmlSystemGetDriverVersion(char *s, unsigned n) { strcpy(s, "550.54.15"); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 12040; return OK; }
int nvmlDeviceGetNumGpuCores(Device d, unsigned *n) { *n = 16896; return OK; }
int nvmlDeviceGetArchitecture(Device d, unsigned *a) { *a = 9; return OK; }
int nvmlDeviceGetUtilizationRates(Device d, Utilization *u) {
  if (CARD(d) == 2) return NOT_SUPPORTED;
  u->gpu = 73; u->memory = 21; return OK; }
int nvmlDeviceGetMemoryInfo(Device d, Memory *m) {
  m->total = 1000; m->used = 250; m->free = 750; return OK; }
int nvmlDeviceGetTemperature(Device d, int sensor, unsigned *t) {
  if (CARD(d) == 2 && !asked[2]++) return UNKNOWN;
  *t = 61; return OK; }
int nvmlDeviceGetPowerUsage(Device d, unsigned *mw) { *mw = 350000; return OK; }
int nvmlDeviceGetEnforcedPowerLimit(Device d, unsigned *mw) { *mw = 700000; return OK; }
int nvmlDeviceGetClockInfo(Device d, int kind, unsigned *mhz) { *mhz = 1000 + kind; return OK; }
int nvmlDeviceGetComputeRunningProcesses_v3(Device d, unsigned *n, Process *p) {
  if (*n < 1) { *n = 1; return NO_SIZE; }
  *n = 1; memset(p, 0, sizeof *p); p->pid = CARD(d) == 0 ? 4711 : 4712; return OK; }
"""

ASK = """
import json, sys
from steelyard.sdk.capture.gpu_nvidia import open_nvidia
chosen = json.loads(sys.argv[1])
gpus = open_nvidia(chosen)
print(json.dumps([gpus.sample({4711}), gpus.sample({4711}), gpus.describe()]))
gpus.close()
"""


@pytest.fixture(scope="module")
def library_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    directory = tmp_path_factory.mktemp("nvml")
    (directory / "nvml.c").write_text(LIBRARY)
    library = directory / "libnvidia-ml.so.1"
    source = directory / "nvml.c"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-w", "-o", library, source], check=True, timeout=120
    )
    return directory


def ask(library_dir: Path, chosen: list[int] | None = None) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(chosen)],
        env={**os.environ, "LD_LIBRARY_PATH": str(library_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_a_card_tells_its_values(library_dir: Path) -> None:
    first, _, _ = ask(library_dir)
    values = {key: value for key, value in first.items() if key.startswith("gpu.0.")}
    assert values == {
        "gpu.0.gpu": 73,
        "gpu.0.memory": 21,
        "gpu.0.memoryAllocated": 25.0,
        "gpu.0.memoryAllocatedBytes": 250,
        "gpu.0.temp": 61,
        "gpu.0.powerWatts": 350.0,
        "gpu.0.enforcedPowerLimitWatts": 700.0,
        "gpu.0.powerPercent": 50.0,
        "gpu.0.smClock": 1001,
        "gpu.0.memoryClock": 1002,
        "gpu.0.graphicsClock": 1000,
    }


def test_a_broken_card_does_not_stop_the_others(library_dir: Path) -> None:
    first, second, _ = ask(library_dir)
    assert not [key for key in first if key.startswith("gpu.1.")]
    assert "gpu.2.gpu" not in first and "gpu.2.temp" not in first
    assert first["gpu.2.memoryAllocated"] == 25.0
    assert second["gpu.2.temp"] == 61


def test_only_cards_of_the_process_are_told_as_its_own(library_dir: Path) -> None:
    first, _, _ = ask(library_dir)
    own = {key for key in first if key.startswith("gpu.process.")}
    assert own == {
        f"gpu.process.0.{name}"
        for name in (
            *("gpu", "memory", "memoryAllocated", "memoryAllocatedBytes", "temp"),
            *("powerWatts", "enforcedPowerLimitWatts", "powerPercent"),
        )
    }


def test_cards_can_be_chosen(library_dir: Path) -> None:
    first, _, described = ask(library_dir, [2, 7])
    assert {key.split(".")[1] for key in first} == {"2"}
    assert described["gpu_count"] == 1


def test_cards_are_described_as_wandb_does(library_dir: Path) -> None:
    card = {
        "name": "NVIDIA H200",
        "memoryTotal": 1000,
        "cudaCores": 16896,
        "architecture": "Hopper",
        "uuid": "GPU-1234",
    }
    assert ask(library_dir)[2] == {
        "gpu": "NVIDIA H200",
        "gpu_count": 2,
        "gpu_nvidia": [card, card],
        "cudaVersion": "12.4",
        "driverVersion": "550.54.15",
    }


def test_without_a_driver_there_are_no_cards() -> None:
    """On this machine, as it is: no driver, or one whose cards answer."""
    gpus = open_nvidia(None)
    if gpus is not None:
        assert all(isinstance(value, int | float) for value in gpus.sample(set()).values())
        gpus.close()

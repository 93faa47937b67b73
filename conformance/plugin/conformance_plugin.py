"""pytest plug-in: one JSON line per finished test phase, so that a run cut short still counts.

It runs in the client's environment, where nothing of Steelyard is installed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

RESULTS_VARIABLE = "CONFORMANCE_RESULTS"
MESSAGE_CHARS_MAX = 300

_config: Any = None


def pytest_configure(config: Any) -> None:
    global _config
    _config = config


def pytest_runtest_logreport(report: Any) -> None:
    expected = hasattr(report, "wasxfail") and report.skipped
    outcome = "xfailed" if expected else report.outcome
    if report.when == "call" or outcome != "passed":
        _write(
            {
                "test": report.nodeid,
                "outcome": outcome,
                "when": report.when,
                "seconds": round(report.duration, 3),
                "message": "" if outcome == "passed" else _first_line(report),
            }
        )


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _write({"module": report.nodeid, "message": _first_line(report)})


def pytest_collection_finish(session: Any) -> None:
    entry = {"collected": len(session.items)}
    if hasattr(_config, "workerinput"):
        _write(entry, worker="gw0")
    elif session.items:  # the controller of several workers collects nothing itself
        _write(entry)


def _write(entry: dict[str, Any], worker: str | None = None) -> None:
    # With workers every report also reaches the controller, and only that one writes it; but it is
    # the workers that know what was collected.
    results = os.environ.get(RESULTS_VARIABLE)
    if results and getattr(_config, "workerinput", {}).get("workerid") == worker:
        with Path(results).open("a") as out:
            out.write(json.dumps(entry) + "\n")


def _first_line(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        text = str(crash.message)
    elif isinstance(report.longrepr, tuple):
        text = str(report.longrepr[2])
    else:
        lines = [line for line in str(report.longrepr or "").split("\n") if line.strip()]
        errors = [line[1:].strip() for line in lines if line.startswith("E ")]
        text = (errors or lines or [""])[-1]
    return text.split("\n")[0][:MESSAGE_CHARS_MAX]

"""Runs one folder of the client's tests in pytest and reads what came of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance import suite

PLUGIN = Path(__file__).resolve().parent / "plugin"

#: Failures that say the tests and the wheel are of different versions: a test reaches for
#: something inside the client that is no longer there.
SKEW = re.compile(
    r"No module named 'wandb[.']|cannot import name .* from 'wandb"
    r"|<(module|class) 'wandb.*(has no attribute|does not have the attribute)"
    r"|type object '\w+' has no attribute"
)


@dataclass(frozen=True)
class Options:
    """How pytest is run. Times in seconds."""

    workers: int
    test_timeout: int
    folder_timeout: int
    keyword: str = ""
    fail_count_max: int = 0
    collect_only: bool = False
    included: Sequence[str] = ()


@dataclass(frozen=True)
class FolderReport:
    """What came of a folder. `skew` counts failures that say nothing about the server."""

    folder: str
    seconds: float
    timed_out: bool
    total: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    skew: int = 0
    problem: str = ""
    modules_not_imported: list[dict[str, Any]] = field(default_factory=list)
    tests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def not_finished(self) -> int:
        return self.total - self.passed - self.failed - self.skipped

    @property
    def is_whole(self) -> bool:
        return bool(self.total) and not self.not_finished and not self.timed_out


def run_folder(
    folder: str, *, tree: Path, python: Path, environ: dict[str, str], options: Options, out: Path
) -> FolderReport:
    """Run a folder below `tests/system_tests`; its log and results are written below `out`."""
    lines = out / (re.sub(r"\W+", "_", folder) + ".jsonl")
    log = lines.with_suffix(".log")
    started = time.monotonic()
    timed_out = _run_pytest(
        [str(python), "-m", "pytest", f"tests/system_tests/{folder}", *_arguments(folder, options)],
        cwd=tree,
        environ={**environ, "CONFORMANCE_RESULTS": str(lines), "PYTHONPATH": str(PLUGIN)},
        log=log,
        timeout_s=options.folder_timeout,
    )
    seconds = round(time.monotonic() - started, 1)
    text = log.read_text(errors="replace")
    last_line = text.strip().split("\n")[-1][:300]
    if options.collect_only:
        found = re.search(r"(?:(\d+)/)?(\d+) tests? collected", text)
        errors = re.search(r"(\d+) errors?", text[-400:])
        total = int(found.group(1) or found.group(2)) if found else 0
        problem = f"{errors.group(1)} modules do not import" if errors else ""
        return FolderReport(
            folder, seconds, timed_out, total, problem=problem if total else last_line
        )
    tests, modules, total = read_results(lines)
    count = [test["outcome"] for test in tests].count
    return FolderReport(
        folder,
        seconds,
        timed_out,
        total,
        passed=count("passed"),
        failed=count("failed"),
        skipped=count("skipped") + count("xfailed"),
        skew=sum(is_skew(test) for test in tests),
        problem="" if tests else last_line,
        modules_not_imported=modules,
        tests=tests,
    )


def is_skew(test: dict[str, Any]) -> bool:
    return test["outcome"] == "failed" and SKEW.search(test["message"]) is not None


def read_results(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """What the plug-in wrote: one entry per test, modules that do not import, tests collected."""
    collected = 0
    tests: dict[str, dict[str, Any]] = {}
    modules: dict[str, dict[str, Any]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        entry = json.loads(line)
        if "collected" in entry:
            collected = max(collected, entry["collected"])
        elif "module" in entry:
            modules[entry["module"]] = entry
        else:
            tests[entry["test"]] = _merge_phases(tests.get(entry["test"]), entry)
    return list(tests.values()), list(modules.values()), max(collected, len(tests))


def _merge_phases(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A test may report its call and its teardown; a failure of either is a failure."""
    if old is None:
        return new
    kept = old if old["outcome"] == "failed" else new
    return {**kept, "seconds": round(old["seconds"] + new["seconds"], 3)}


def _arguments(folder: str, options: Options) -> list[str]:
    arguments = ["-p", "no:cacheprovider", "-o", "addopts=", f"--timeout={options.test_timeout}"]
    # The tests may be older than the wheel: a module that no longer imports must not stop the rest.
    arguments.append("--continue-on-collection-errors")
    arguments += [
        f"--ignore=tests/system_tests/{path}"
        for path in suite.EXCLUDED
        if path not in options.included and path.startswith(folder + "/")
    ]
    if options.keyword:
        arguments += ["-k", options.keyword]
    if options.collect_only:
        return [*arguments, "--collect-only", "-q"]
    arguments += ["-p", "conformance_plugin", "-q", "--no-header", "-rN", "--tb=short"]
    if options.workers > 1:
        arguments += ["-n", str(options.workers)]
    if options.fail_count_max:
        arguments.append(f"--maxfail={options.fail_count_max}")
    return arguments


def _run_pytest(
    command: list[str], *, cwd: Path, environ: dict[str, str], log: Path, timeout_s: int
) -> bool:
    """True when it had to be stopped. Whatever the tests left running is stopped too."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        timed_out = not _ends_within(process, timeout_s)
        if timed_out:
            process.send_signal(signal.SIGINT)  # pytest then still writes its summary
            _ends_within(process, 60)
        for how, patience_s in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
            try:
                os.killpg(process.pid, how)
            except ProcessLookupError:
                break
            if _ends_within(process, patience_s) and how == signal.SIGKILL:
                break
    return timed_out


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True

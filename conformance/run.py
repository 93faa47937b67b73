"""Run the official wandb client's own system tests against Steelyard.

    python -m conformance --wandb-repo PATH [--version 0.28.2]

PATH is a checkout, a bare git directory or an exported tree of github.com/wandb/wandb. Without
--base-url a server is started for the tests. Prints a line per folder and writes a JSON report.
Exit status 0 only when every collected test finished and none failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conformance import suite
from conformance.client_tests import Origin, export_tests
from conformance.environment import find_client_version, make_environ, make_venv
from conformance.fixture_service import AdminApi, FixtureService
from conformance.folder_run import FolderReport, Options, run_folder
from conformance.forwarder import find_local_port
from steelyard.testing.server import ThrowawayServer

ERRORS_REPORTED_MAX = 200


def main(arguments: list[str]) -> int:
    args = parse_arguments(arguments)
    work: Path = args.work.resolve()
    tree, results, home = work / "tree", work / "results", work / "home"
    for directory in (results, home):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    origin = export_tests(args.wandb_repo.resolve(), args.ref, args.version, tree)
    chosen = suite.select(tree, folders=args.folders, tier=args.tier)
    say(f"tests of wandb/wandb {origin.ref} {origin.commit[:12]}, client wandb=={args.version}")
    for path in origin.absent:
        say(f"not in the repository's objects, left out: {path}")

    venv: Path = (args.venv or work / "venv").absolute()
    python = venv / "bin/python"
    if not args.no_install:
        groups = {group for _, group in chosen} | set(args.extra)
        python = make_venv(venv, args.python, suite.list_requirements(args.version, groups))
    environ = make_environ(venv, home)
    if (installed := find_client_version(python, environ)) != args.version:
        raise SystemExit(f"{venv}: wandb {installed or 'missing'} where {args.version} is wanted")

    options = Options(
        workers=args.workers,
        test_timeout=args.test_timeout,
        folder_timeout=args.folder_timeout,
        keyword=args.keyword or "",
        fail_count_max=args.max_fail,
        collect_only=args.collect_only,
        included=args.include,
    )
    with ExitStack() as running:
        service = (
            None if args.collect_only else start_services(args, tree, python, environ, running)
        )
        reports = []
        for folder, _group in chosen:
            reports.append(
                run_folder(
                    folder, tree=tree, python=python, environ=environ, options=options, out=results
                )
            )
            say(describe(reports[-1], collect_only=args.collect_only))
    target = args.json or work / "report.json"
    target.write_text(json.dumps(summarize(args.version, origin, reports, service), indent=1))
    return conclude(reports, collect_only=args.collect_only, target=target)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description=__doc__.split("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--wandb-repo", type=Path, help="checkout, bare git directory or tree of wandb/wandb")
    add("--version", default=suite.CLIENT_VERSION, help="version of the wandb wheel under test")
    add("--ref", help="revision to take the tests from (default: the version's tag, else HEAD)")
    add("--base-url", help="a running server, http://host:port (default: one is started)")
    add("--admin-key", help="an admin's API key on that server")
    add("--database", help="database URL of the server that is started")
    add("--folders", help="comma-separated folders, files or test ids below tests/system_tests")
    add("--tier", type=int, default=1, choices=(1, 2), help="2: also heavier folders")
    add("--include", action="append", default=[], help="an excluded path to run after all")
    add("--extra", action="append", default=[], help="another group of requirements (suite.py)")
    add("-k", dest="keyword", help="as pytest's -k")
    add("-n", "--workers", type=int, default=2)
    add("--max-fail", type=int, default=0)
    add("--test-timeout", type=int, default=60, help="seconds")
    add("--folder-timeout", type=int, default=3600, help="seconds")
    add("--collect-only", action="store_true")
    add("--work", type=Path, default=Path(tempfile.gettempdir()) / "steelyard-conformance")
    add("--venv", type=Path, help="virtual environment to use (default: below --work)")
    add("--no-install", action="store_true", help="use --venv as it is")
    add("--python", default=sys.executable, help="interpreter for the virtual environment")
    add("--json", type=Path, help="where to write the report (default: WORK/report.json)")
    args = parser.parse_args(arguments)
    if args.wandb_repo is None or not args.wandb_repo.is_dir():
        raise SystemExit(
            "the client's tests are not part of this repository: clone them once with\n"
            "  git clone https://github.com/wandb/wandb\n"
            "and say where: make conformance WANDB_REPO=path/of/wandb"
        )
    if args.base_url and not args.admin_key:
        parser.error("--base-url needs --admin-key, the API key of an admin there")
    return args


def start_services(
    args: argparse.Namespace,
    tree: Path,
    python: Path,
    environ: dict[str, str],
    running: ExitStack,
) -> FixtureService:
    """Start what the tests talk to, and tell them where it is."""
    base_url, key = args.base_url, args.admin_key
    if not base_url:
        data_dir = Path(running.enter_context(tempfile.TemporaryDirectory())) / "server"
        server = running.enter_context(
            ThrowawayServer(
                data_dir, database_url=args.database, arguments=["--allow-chosen-api-keys"]
            )
        )
        base_url, key = server.base_url, server.owner_key
    service = running.enter_context(FixtureService(AdminApi(base_url, key)))
    # The client's own tool writes down where a "local testcontainer" listens.
    subprocess.run(
        [
            *(str(python), str(tree / "tools/local_wandb_server.py"), "start"),
            *("--name", "wandb-local-testcontainer", "--hostname", "localhost"),
            *("--base-port", str(find_local_port(base_url)), "--fixture-port", str(service.port)),
        ],
        cwd=tree,
        env=environ,
        check=True,
    )
    say(f"server {base_url}, fixture service on port {service.port}")
    return service


def describe(report: FolderReport, *, collect_only: bool) -> str:
    if collect_only:
        text = f"{report.folder}: {report.total} collected"
        return f"{text}, {report.problem}" if report.problem else text
    parts = [
        f"{report.folder}: {report.passed} passed, {report.failed} failed, "
        f"{report.skipped} skipped of {report.total} ({report.seconds:.0f} s)"
    ]
    if report.modules_not_imported:
        parts.append(f"{len(report.modules_not_imported)} modules do not import")
    if report.skew:
        parts.append(f"{report.skew} of the failures are version skew")
    if report.not_finished:
        parts.append(f"{report.not_finished} not finished")
    if report.timed_out:
        parts.append("TIMED OUT")
    if report.problem:
        parts.append(report.problem)
    return ", ".join(parts)


def summarize(
    version: str, origin: Origin, reports: list[FolderReport], service: FixtureService | None
) -> dict[str, Any]:
    calls = service.calls if service else []
    return {
        "client": version,
        "tests": asdict(origin),
        "excluded": suite.EXCLUDED,
        "folders": [{**asdict(report), "not_finished": report.not_finished} for report in reports],
        "fixture_calls": len(calls),
        "fixture_errors": [asdict(call) for call in calls if call.error][:ERRORS_REPORTED_MAX],
    }


def conclude(reports: list[FolderReport], *, collect_only: bool, target: Path) -> int:
    total = sum(report.total for report in reports)
    if collect_only:
        say(f"all: {total} collected")
        say(f"report: {target}")
        return 0 if reports and all(r.total and not r.problem for r in reports) else 1
    passed, failed, skipped, not_finished, skew = (
        sum(getattr(report, name) for report in reports)
        for name in ("passed", "failed", "skipped", "not_finished", "skew")
    )
    say(
        f"all: {passed} passed, {failed} failed, {skipped} skipped of {total} "
        f"({not_finished} not finished; {skew} of the failures are version skew)"
    )
    say(f"report: {target}")
    return 0 if reports and all(r.is_whole for r in reports) and not failed else 1


def say(text: str) -> None:
    print(text, flush=True)

"""`steelyard sweep --check`: what a configuration will do, and what is wrong with it."""

from __future__ import annotations

import ast
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.tables import is_for_people
from steelyard.errors import Invalid, NoSuchFile
from steelyard.limits import CODE_FILE_BYTES_MAX, SWEEP_CONFIG_CHARS_MAX

if TYPE_CHECKING:
    from steelyard.search.diagnostics import Diagnostic
    from steelyard.search.problem import Problem

COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}
# Libraries that log metrics on their own, so that a program does not name them all.
LOGGING_LIBRARIES = frozenset(
    {"transformers", "lightning", "pytorch_lightning", "keras", "tensorflow", "trl", "ultralytics",
     "accelerate", "fastai", "xgboost", "lightgbm", "catboost", "stable_baselines3", "ignite"}
)  # fmt: skip


def check_sweep(
    path: str,
    *,
    fix: bool,
    environment: dict[str, str],
    run_minutes: float | None = None,
    run_usd: float | None = None,
) -> bool:
    """Print what the configuration at `path` will do; whether a sweep can be created from it.

    `run_minutes` and `run_usd` are what one run takes, for an estimate of all of them.
    """
    file = Path(path)
    text = read_config_file(file)
    if fix:
        text = _fix(file, text, environment)
    problem, found = _read(file, text, environment)
    if problem is not None:
        _print_problem(file.name, problem, run_minutes, run_usd)
    for severity in ("hint", "warning", "error"):
        for each in found:
            if each.severity == severity:
                _print_diagnostic(each)
    _print_verdict(path, found, fix=fix)
    return problem is not None


def read_config_file(file: Path) -> str:
    """The text of a configuration with its line ends as they are. Raises Invalid."""
    try:
        if file.stat().st_size > SWEEP_CONFIG_CHARS_MAX:
            raise Invalid(
                f"{file} has {file.stat().st_size:,} bytes; a configuration of a sweep has at most "
                f"SWEEP_CONFIG_CHARS_MAX, {SWEEP_CONFIG_CHARS_MAX:,}"
            )
        return file.read_bytes().decode()
    except FileNotFoundError:
        raise NoSuchFile(str(file), "sweep") from None
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is no UTF-8 text (byte {error.start:,}); save it as UTF-8") from None


def _read(
    file: Path, text: str, environment: dict[str, str]
) -> tuple[Problem | None, list[Diagnostic]]:
    from steelyard.search import read_config

    problem, found = read_config(text, environment=environment)
    if problem is None or problem.program is None:
        return problem, found + ([] if problem is None else _about_program(problem, text))
    program = find_program(file, problem.program)
    if program is None:
        return problem, [*found, *_about_program(problem, text)]
    known = find_logged_metrics(program)
    return (
        read_config(text, known_metrics=known, environment=environment)
        if known
        else (
            problem,
            found,
        )
    )


def find_program(config: Path, program: str) -> Path | None:
    """The program beside its configuration, or in the current directory; None where it is not."""
    for candidate in (config.parent / program, Path(program)):
        if candidate.is_file():
            return candidate
    return None


def _about_program(problem: Problem, text: str) -> list[Diagnostic]:
    from steelyard.search.diagnostics import Diagnostic

    if problem.program is None:
        starts_something = problem.command and not any("${program}" in x for x in problem.command)
        if starts_something or any(key in problem.raw for key in ("job", "image_uri", "imageuri")):
            return []
        return [
            Diagnostic(
                severity="warning",
                path="program",
                line=None,
                message="is missing: `steelyard agent` has nothing to start, and only an agent "
                "that is given a function can run this",
                suggestion="add program: train.py",
            )
        ]
    lines = text.splitlines()
    line = next((at for at, each in enumerate(lines, 1) if each.startswith("program")), None)
    return [
        Diagnostic(
            severity="warning",
            path="program",
            line=line,
            message=f"there is no {problem.program!r} beside the configuration",
            suggestion="give the path from the configuration's folder, if it is to run here",
        )
    ]


def find_logged_metrics(program: Path) -> frozenset[str] | None:
    """The metrics that a Python program logs by name; None where that cannot be told.

    Looks for calls of `log` with a dict of plain keys. Says nothing where the program imports
    modules beside it or libraries that log on their own, or logs something else than such dicts.
    """
    if program.suffix != ".py" or program.stat().st_size > CODE_FILE_BYTES_MAX:
        return None
    try:
        tree = ast.parse(program.read_bytes())
    except (SyntaxError, ValueError):
        return None
    keys: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [each.name for each in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for top in (name.partition(".")[0] for name in names):
                beside = program.parent / top
                is_local = top == "" or beside.is_dir() or beside.with_suffix(".py").is_file()
                if is_local or top in LOGGING_LIBRARIES:
                    return None
        elif isinstance(node, ast.Call) and _is_log(node.func):
            logged = node.args[0] if node.args else None
            if not isinstance(logged, ast.Dict):
                return None
            for key in logged.keys:
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                    return None
                keys.add(key.value)
        elif isinstance(node, ast.Attribute) and node.attr == "summary":
            return None
    return frozenset(keys) or None


def _is_log(function: ast.expr) -> bool:
    if not (isinstance(function, ast.Attribute) and function.attr == "log"):
        return False
    # math.log, np.log and torch.log are something else.
    return not (
        isinstance(function.value, ast.Name)
        and function.value.id in ("math", "np", "numpy", "torch", "jnp", "tf", "cmath")
    )


def _fix(file: Path, text: str, environment: dict[str, str]) -> str:
    from steelyard.search.fix import fix_text

    fixed, settled = fix_text(text, environment=environment)
    if fixed == text:
        click.echo(f"{file}: there is nothing that can be fixed without asking you")
        return text
    _print_diff(file, text, fixed)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(fixed.encode())
        temporary.chmod(file.stat().st_mode & 0o7777)
        temporary.replace(file.resolve())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Invalid(f"{file} cannot be written: {error.strerror}; nothing was changed") from None
    click.echo(f"{file}: {_count(len(settled), 'fix', 'fixes')} written\n")
    return fixed


def _print_diff(file: Path, before: str, after: str) -> None:
    colours = {"-": "red", "+": "green", "@": "cyan"}
    for line in difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(file), f"{file} (fixed)", lineterm="", n=1
    ):
        click.secho(line, fg=colours.get(line[:1]))


def _print_problem(
    name: str, problem: Problem, run_minutes: float | None, run_usd: float | None
) -> None:
    from steelyard.search import describe

    click.secho(f"{name}: {describe.describe_search(problem)}", bold=True)
    rows = describe.describe_parameters(problem)
    name_width = min(max((len(row.name) for row in rows), default=0), 40)
    kind_width = max((len(row.kind) for row in rows), default=0)
    samples_width = max((len(row.samples) for row in rows if row.examples), default=0)
    for row in rows:
        line = f"  {row.name:{name_width}}  {row.kind:{kind_width}}  {row.samples:{samples_width}}"
        if row.examples:
            line += f"  e.g. {', '.join(row.examples)}"
        if row.condition:
            line = f"{line.rstrip()}  if {row.condition}"
        click.echo(line.rstrip())
    for constraint in problem.space.input_constraints:
        click.echo(f"  only where  {constraint.text}")
    for constraint in problem.space.outcome_constraints:
        click.echo(f"  accepted if  {constraint.text}  (known after a run)")
    for line in describe.describe_runs(problem):
        click.echo(f"runs: {line}")
    stopping = describe.describe_stopping(problem)
    if stopping is not None:
        click.echo(f"stopped early: {stopping}")
    estimates = describe.describe_estimate(problem, run_minutes=run_minutes, run_usd=run_usd)
    if not estimates:
        estimates = ["unknown before the first run; --run-minutes 20 --run-usd 0.5 estimates them"]
        if run_minutes is not None or run_usd is not None:
            estimates = ["unknown, for nothing limits the number of runs"]
    for line in estimates:
        click.echo(f"time and cost: {line}")
    click.echo("")


def _print_diagnostic(diagnostic: Diagnostic) -> None:
    where = diagnostic.path or "the configuration"
    line = "" if diagnostic.line is None else f"line {diagnostic.line}, "
    head = click.style(diagnostic.severity, fg=COLOURS[diagnostic.severity], bold=True)
    click.echo(f"{head}: {line}{where}: {diagnostic.message}")
    if diagnostic.suggestion is not None:
        fixable = "  [--fix does it]" if diagnostic.fix is not None else ""
        click.echo(f"    {diagnostic.suggestion}{fixable}")


def _print_verdict(path: str, found: Sequence[Diagnostic], *, fix: bool) -> None:
    errors = sum(each.severity == "error" for each in found)
    warnings = sum(each.severity == "warning" for each in found)
    counts = [_count(errors, "error", "errors")] if errors else []
    if warnings:
        counts.append(_count(warnings, "warning", "warnings"))
    if errors:
        verdict = f"{', '.join(counts)}: no sweep can be created from this"
    elif warnings:
        verdict = f"{', '.join(counts)}: a sweep can be created; is it the one you mean?"
    else:
        verdict = "no errors, no warnings"
    click.secho(verdict, bold=is_for_people(), fg="red" if errors else None)
    fixable = sum(each.fix is not None for each in found)
    if fixable and not fix:
        click.echo(f"{fixable} of these can be fixed: steelyard sweep --fix {path}")
    sys.stdout.flush()


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

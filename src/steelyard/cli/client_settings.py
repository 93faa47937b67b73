"""The client's side of `steelyard settings` and `steelyard doctor`."""

from __future__ import annotations

import textwrap

import click


def print_client_settings(*, why: bool) -> None:
    """The settings that a script started here would use."""
    from pathlib import Path

    from steelyard.sdk.settings import explain_client_settings, read_environ
    from steelyard.sdk.settings_files import read_settings_files

    environ = read_environ()
    root = environ.get("STEELYARD_DIR") or environ.get("WANDB_DIR") or "."
    explained = explain_client_settings(environ, read_settings_files(environ, Path(root)), {})
    width = max(len(setting.name) for setting in explained)
    for setting in explained:
        value = setting.value or "(empty)"
        if not why:
            click.echo(f"{setting.name:<{width}}  {value}")
            continue
        click.echo(f"{setting.name} = {value}")
        names = " or ".join(reversed(setting.environment_names))
        click.echo(f"    from: {setting.source}; set it with {names}")
        click.echo(textwrap.fill(setting.doc, 96, initial_indent="    ", subsequent_indent="    "))


def check_client() -> list[tuple[str, str, str, str | None]]:
    """(verdict, subject, text, advice) of what a script started here needs."""
    from steelyard.errors import SteelyardError
    from steelyard.sdk.session import get_session

    try:
        loaded = get_session().load_settings({})
    except SteelyardError as error:
        return [("fail", "settings", str(error), "mend it where the message says")]
    settings = loaded.settings
    findings: list[tuple[str, str, str, str | None]] = [
        ("ok", "settings", f"mode {settings.mode}; all of them: steelyard settings --client", None)
    ]
    findings.append(_check_root(settings.root_dir))
    if settings.base_url is None:
        nowhere = "none is configured: journals rest on disk"
        ways = "steelyard login --host URL, or steelyard up in the directory of the script"
        return [*findings, ("warn", "server", nowhere, ways)]
    source = loaded.sources.get("base_url", "default")
    findings.append(("ok", "server", f"{settings.base_url} ({source})", None))
    from steelyard.sdk.login import describe_me, find_key

    try:
        key = find_key(settings, loaded.environ, loaded.sources.get("api_key"))
    except SteelyardError as error:
        return [*findings, ("fail", "login", str(error), "copy the key again")]
    if key is None:
        ways = f"steelyard login --host {settings.base_url}, or set WANDB_API_KEY"
        return [*findings, ("fail", "login", "no API key is known", ways)]
    is_fine, text = describe_me(settings, key)
    advice = None if is_fine else f"look at {settings.base_url} in a browser"
    return [*findings, ("ok" if is_fine else "fail", "login", text, advice)]


def _check_root(root: str) -> tuple[str, str, str, str | None]:
    import os

    if os.access(root, os.W_OK):
        return "ok", "directory", f"run folders go to {root}/steelyard", None
    return (
        "warn",
        "directory",
        f"{root} cannot be written: run folders go to the temporary directory",
        "set WANDB_DIR to a directory of yours",
    )

"""Write docs/reference/ from the code: settings of both sides, commands, limits, the REST API.

python docs/generate.py           write the pages
python docs/generate.py --check   exit 1 and name the pages that are not in step
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import steelyard.limits
from steelyard.cli.main import commands
from steelyard.sdk.settings import explain_client_settings
from steelyard.server.openapi import describe_api
from steelyard.server.settings import explain_settings

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by `make docs` from the code: edit there. -->\n"
METHODS = ("get", "post", "put", "patch", "delete")


def main(arguments: list[str]) -> int:
    pages = {
        "settings.md": describe_settings(),
        "client-settings.md": describe_client_settings(),
        "commands.md": describe_commands(),
        "limits.md": describe_limits(),
        "api.md": describe_operations(json.loads(describe_api())),
    }
    stale = [n for n, text in pages.items() if read(REFERENCE / n) != text]
    if arguments == ["--check"]:
        for name in stale:
            print(f"docs/reference/{name} is not in step with the code: run make docs")
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for name in stale:
        (REFERENCE / name).write_text(pages[name])
        print(f"wrote docs/reference/{name}")
    return 0


def describe_settings() -> str:
    lines = [
        "# Settings",
        NOTE,
        "Each setting comes, lowest first, from its default, from `steelyard.toml` in the data "
        "directory, from the environment, or from the command line. `steelyard settings --why` "
        "prints each value and where it came from.",
        "",
    ]
    for setting in explain_settings({}, None, {}):
        default = f"`{setting.default}`" if setting.default else "empty"
        lines += [
            f"## `{setting.name}`",
            setting.doc,
            "",
            f"Default: {default}. Environment: `{setting.environment_name}`.",
            "",
        ]
    return "\n".join(lines)


def describe_client_settings() -> str:
    lines = [
        "# Settings of the client",
        NOTE,
        "What `import steelyard` and the commands that send runs go by. Each setting comes, lowest "
        "first, from its default, from the settings files, from the environment, or from "
        "`init()` and `steelyard.Settings(…)`. Every variable of `wandb` works under its own name "
        "and with `STEELYARD_` in place of `WANDB_`; where several of a row are set, the last one "
        "wins. `steelyard settings --client --why` prints each value and where it came from.",
        "",
        "| setting | default | environment | |",
        "|---|---|---|---|",
    ]
    for setting in explain_client_settings({}, [], {}):
        default = f"`{setting.default}`" if setting.default else ""
        names = "<br>".join(f"`{name}`" for name in setting.environment_names)
        doc = setting.doc.replace("|", "\\|")
        lines.append(f"| `{setting.name}` | {default} | {names} | {doc} |")
    return "\n".join(lines) + "\n"


def describe_commands() -> str:
    lines = ["# Commands", NOTE]
    for path, command in walk_commands(commands, ("steelyard",)):
        context = click.Context(command, info_name=" ".join(path))
        usage = command.get_usage(context).removeprefix("Usage: ")
        lines += [f"## `{' '.join(path)}`", (command.help or "").strip(), "", f"    {usage}", ""]
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        for option in options:
            names = ", ".join(f"`{name}`" for name in option.opts)
            lines.append(f"- {names}: {option.help or ''}".rstrip())
        lines += [""] if options else []
    return "\n".join(lines)


def walk_commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in sorted(command.commands):
        yield from walk_commands(command.commands[name], (*path, name))


def describe_limits() -> str:
    """The constants of `steelyard/limits.py` with the comments beside them."""
    source = Path(steelyard.limits.__file__).read_text()
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    lines = ["# Limits", NOTE, "Everything has a limit. The unit is in the name.", ""]
    lines += ["| limit | value | |", "|---|---:|---|"]
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            value = getattr(steelyard.limits, name)
            comment = comments.get(node.end_lineno or node.lineno, "")
            if name.isupper() and "_" in name:
                shown = f"{value:,}" if isinstance(value, int) else str(value)
                lines.append(f"| `{name}` | {shown} | {comment} |")
    return "\n".join(lines) + "\n"


def describe_operations(document: dict[str, Any]) -> str:
    lines = [
        "# REST API",
        NOTE,
        "Sign in with the browser's session, or send an API key: `Authorization: Bearer KEY`, or "
        "Basic with user `api` and the key as password. Bodies and answers are JSON with "
        "snake_case names; errors are `application/problem+json` with a stable `code`. A running "
        "server has the whole OpenAPI document at `/api/openapi.json`.",
        "",
    ]
    for path in sorted(document["paths"]):
        if not path.startswith(("/api/", "/ready", "/healthz", "/metrics")):
            continue
        for method in METHODS:
            if operation := document["paths"][path].get(method):
                lines += describe_operation(method, path, operation, document)
    return "\n".join(lines)


def describe_operation(
    method: str, path: str, operation: dict[str, Any], document: dict[str, Any]
) -> list[str]:
    text = operation.get("description") or operation.get("summary") or ""
    lines = [f"## `{method.upper()} {path}`", re.sub(r"\s*\n\s*", " ", text.strip()), ""]
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            kind = describe_schema(parameter.get("schema", {}), document)
            need = ", required" if parameter.get("required") else ""
            lines.append(f"- query `{parameter['name']}`: {kind}{need}")
    if body := find_schema(operation.get("requestBody", {})):
        lines.append(f"- body: {describe_schema(body, document)}")
    for status, answer in sorted(operation.get("responses", {}).items()):
        if status.startswith("2") or status == "302":
            schema = find_schema(answer)
            shown = describe_schema(schema, document) if schema else "no body"
            lines.append(f"- {status}: {shown}")
    return [*lines, ""]


def find_schema(holder: dict[str, Any]) -> dict[str, Any] | None:
    content = holder.get("content") or {}
    return next((one.get("schema") for one in content.values() if one.get("schema")), None)


def describe_schema(schema: dict[str, Any], document: dict[str, Any], depth: int = 0) -> str:
    """A schema as a reader writes it down: `{name: string, tags: [string]}`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return describe_schema(document["components"]["schemas"][name], document, depth)
    if options := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(dict.fromkeys(describe_schema(o, document, depth) for o in options))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"[{describe_schema(schema.get('items', {}), document, depth)}]"
    fields = schema.get("properties")
    if kind == "object" and fields and depth < 2:
        shown = (f"{n}: {describe_schema(s, document, depth + 1)}" for n, s in fields.items())
        return "{" + ", ".join(shown) + "}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Paths of runs and projects, as scripts write them."""

from __future__ import annotations

from steelyard.errors import Invalid


def parse_run_path(path: str, entity: str, project: str | None) -> tuple[str, str, str]:
    """(entity, project, run) of `[entity/]project/run`, `…/runs/run`, `project:run` or `run`.

    What is left out is `entity` and `project`. Raises Invalid, saying what is missing.
    """
    # wandb 0.31.0 apis/public/api.py _parse_path
    text = path.replace("/runs/", "/").replace("/sweeps/", "/").strip("/ ")
    parts = [part.strip() for part in text.split("/")]
    if len(parts) <= 2 and ":" in parts[-1]:
        parts[-1:] = [part.strip() for part in parts[-1].split(":", 1)]
    if len(parts) > 3 or not all(parts):
        raise Invalid(f"{path!r} is no path of a run; write ENTITY/PROJECT/RUN or PROJECT/RUN")
    if len(parts) == 1 and not project:
        raise Invalid(
            f"{path!r} names no project; write PROJECT/RUN, or set WANDB_PROJECT or "
            'Api(overrides={"project": …})'
        )
    missing = [entity, project or ""]
    found = [*missing[: 3 - len(parts)], *parts]
    return found[0], found[1], found[2]


def parse_project_path(path: str | None, entity: str, project: str) -> tuple[str, str]:
    """(entity, project) of `[entity/]project`; without a path the given ones."""
    if not path:
        return entity, project
    head, _, rest = path.strip("/ ").partition("/")
    if "/" in rest or not head:
        raise Invalid(f"{path!r} is no path of a project; write ENTITY/PROJECT or PROJECT")
    return (head, rest) if rest else (entity, head)

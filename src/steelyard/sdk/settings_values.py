"""Values of settings: from text of files and variables to what the field holds, checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from steelyard.limits import NAME_CHARS_MAX, TAG_CHARS_MAX

TRUE_WORDS = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"0", "false", "f", "no", "n", "off"})

# Hosts of the vendor. wandb 0.31.0 sdk/lib/urls.py: DEFAULT_BASE_URL, FORGE_HOSTS.
VENDOR_DOMAINS = ("wandb.ai", "forge.coreweave.com")

NAME_CHARS_REFUSED = frozenset("/\\#?%:")
# The server refuses the second part, wandb 0.31.0 (validate_run_id) the third.
RUN_ID_CHARS_REFUSED = NAME_CHARS_REFUSED | frozenset('"<>|*') | frozenset(";,'")


def parse_settings_file(text: str) -> Iterator[tuple[str, str, int]]:
    """(name, value, line number) of section [default]; what is no setting is skipped."""
    section = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[" and stripped[-1] == "]":
            section = stripped[1:-1].strip()
            continue
        at = min((i for i in (stripped.find("="), stripped.find(":")) if i > 0), default=-1)
        if section != "default" or at < 0:
            continue
        name, value = stripped[:at].strip().lower(), stripped[at + 1 :].strip()
        if name == "disabled":  # what `wandb disabled` of old clients wrote
            name, value = "mode", "disabled" if value.lower() in TRUE_WORDS else ""
        if value:
            yield name, value, number


_TEXTS: Final = (str, str | None)


def convert(name: str, kind: Any, raw: Any) -> Any:
    """`raw` as a value of that kind. Raises ValueError or TypeError that says what is wrong."""
    if special := SPECIAL.get(name):
        raw = special(raw)
    if isinstance(raw, os.PathLike):
        raw = os.fspath(raw)
    if raw is None:
        return None
    if isinstance(raw, str):
        raw = _convert_text(kind, raw)
    elif isinstance(raw, list | set | frozenset):
        raw = tuple(raw)
    if choices := _choices(kind):
        if raw not in choices:
            raise ValueError(f"one of {', '.join(choices)} is wanted")
        return raw
    try:
        value = msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        if kind in _TEXTS:
            raise TypeError(f"text is wanted, not {type(raw).__name__}") from error
        raise
    if check := CHECKS.get(name):
        check(value)
    return value


def _choices(kind: Any) -> tuple[str, ...]:
    """The words that a field of fixed words takes from a user."""
    words = getattr(kind, "__args__", ())
    for part in (kind, *words):
        if getattr(part, "__origin__", None) is Literal:
            return tuple(word for word in part.__args__ if word != "local")
    return ()


def _convert_text(kind: Any, text: str) -> Any:
    words = getattr(kind, "__args__", (kind,))
    if bool in words:
        return _parse_bool(text)
    origins = {getattr(word, "__origin__", word) for word in (kind, *words)}
    if tuple in origins and not (dict in origins and text.lstrip()[:1] in ("{", "[")):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if dict in origins:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise ValueError(f"a JSON object is wanted: {error}") from error
    return text


def _parse_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ValueError("true or false is wanted")
    return word in TRUE_WORDS


def _base_url(raw: Any) -> str | None:
    """The URL without a slash at its end; None for the vendor's cloud, which is never meant."""
    if not isinstance(raw, str):
        raise TypeError("a URL is wanted")
    url = raw.strip().rstrip("/")
    if not url.startswith(("http://", "https://")) or any(c.isspace() for c in url):
        raise ValueError("it must start with http:// or https://")
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0].lower()
    if not host:
        raise ValueError("it names no host")
    if any(host == domain or host.endswith(f".{domain}") for domain in VENDOR_DOMAINS):
        return None
    return url


def _mode(raw: Any) -> Any:
    if raw == "local":
        raise ValueError("local is what online becomes without a server; choose online")
    return {"shared": "online", "run": "online", "dryrun": "offline"}.get(raw, raw)


def _resume(raw: Any) -> Any:
    # wandb 0.31.0 sdk/wandb_settings.py validate_resume: True is "auto", False is nothing.
    if isinstance(raw, bool):
        return "auto" if raw else None
    if isinstance(raw, str) and raw.lower() in ("true", "false"):
        return "auto" if raw.lower() == "true" else None
    return raw


def _reinit(raw: Any) -> Any:
    if isinstance(raw, bool) or raw in ("true", "false", "True", "False"):
        return "finish_previous" if raw in (True, "true", "True") else "return_previous"
    return raw


def _console(raw: Any) -> Any:
    return {"wrap_raw": "wrap", "wrap_emu": "wrap"}.get(raw, raw)


def _moment(raw: Any) -> Any:
    """RUN?_step=N, from text or from an object of `wandb` with run, value and metric."""
    if raw is None or isinstance(raw, str):
        return raw
    run, value = getattr(raw, "run", None), getattr(raw, "value", None)
    if run is None or value is None or getattr(raw, "metric", "_step") != "_step":
        raise ValueError("RUN?_step=N is wanted")
    return f"{run}?_step={value}"


def _tags(raw: Any) -> Any:
    # A list is taken item by item; text in the environment is split at commas.
    return tuple(str(tag) for tag in raw) if isinstance(raw, list | tuple | set) else raw


SPECIAL: Mapping[str, Callable[[Any], Any]] = {
    "base_url": _base_url,
    "mode": _mode,
    "resume": _resume,
    "reinit": _reinit,
    "console": _console,
    "resume_from": _moment,
    "fork_from": _moment,
    "run_tags": _tags,
}


def parse_moment(text: str) -> tuple[str, int]:
    """(run id, step) of RUN?_step=N. Raises ValueError that shows the form."""
    # wandb 0.31.0 sdk/lib/run_moment.py: only the metric _step is supported.
    run, mark, query = text.partition("?")
    metric, equals, value = query.partition("=")
    if not (run and mark and equals and metric == "_step" and value.isdigit()):
        raise ValueError("RUN?_step=N is wanted, such as ans3bsax?_step=123")
    return run, int(value)


def _check_moment(value: str | None) -> None:
    if value is not None:
        run, _ = parse_moment(value)
        check_run_id(run)


def check_run_id(value: str | None) -> None:
    """Raises ValueError for an id that no server takes."""
    if value is None:
        return
    if not value or value.strip() != value:
        raise ValueError("a run id is not empty and neither starts nor ends with a space")
    if len(value) > NAME_CHARS_MAX:
        raise ValueError(f"a run id has at most {NAME_CHARS_MAX} characters")
    if value in (".", ".."):
        raise ValueError("a run id is more than dots")
    _check_chars("a run id", value, RUN_ID_CHARS_REFUSED)


def _check_project(value: str | None) -> None:
    if value is None:
        return
    if len(value) > NAME_CHARS_MAX:
        raise ValueError(f"a project name has at most {NAME_CHARS_MAX} characters")
    _check_chars("a project name", value, NAME_CHARS_REFUSED)


def _check_chars(what: str, value: str, refused: frozenset[str]) -> None:
    if bad := sorted({c for c in value if c in refused or not c.isprintable()}):
        raise ValueError(f"{what} cannot contain {' '.join(map(repr, bad))}")


def _check_tags(value: tuple[str, ...] | None) -> None:
    for tag in value or ():
        if not 1 <= len(tag) <= TAG_CHARS_MAX:
            raise ValueError(
                f"tag {tag[:20]!r} has {len(tag)} characters; 1 to {TAG_CHARS_MAX} are allowed"
            )


def _check_api_key(value: str | None) -> None:
    if value is not None and (value != value.strip() or not value.isprintable()):
        raise ValueError("an API key has no spaces or line breaks around it")


def _check_interval(value: float) -> None:
    if not value >= 0.1:
        raise ValueError("at least 0.1 seconds are wanted")


def _check_timeout(value: float | None) -> None:
    if value is not None and not value >= 0:
        raise ValueError("a number of seconds from 0 on is wanted")


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "run_id": check_run_id,
    "project": _check_project,
    "run_tags": _check_tags,
    "resume_from": _check_moment,
    "fork_from": _check_moment,
    "api_key": _check_api_key,
    "x_stats_sampling_interval": _check_interval,
    "init_timeout": _check_timeout,
    "finish_timeout": _check_timeout,
    "login_timeout": _check_timeout,
}

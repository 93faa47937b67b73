"""Keeping credentials out of what is captured: command lines, URLs, environment variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

STARS = "***"

# Words of a flag's name. A last word such as "token" takes one secret value; "tokens" is a number.
SECRET_WORDS = frozenset(
    {"token", "password", "passwd", "passphrase", "pwd", "secret", "apikey", "jwt", "credential"}
    | {"credentials", "authorization", "bearer"}
)
KEY_WORDS = frozenset({"api", "access", "private", "secret", "auth", "encryption", "signing"})
#: `--eos-token`, `--mask-token`: tokens of a vocabulary.
VOCABULARY_WORDS = frozenset(
    {"pad", "eos", "bos", "unk", "mask", "sep", "cls", "special", "stop", "image", "audio", "video"}
    | {"start", "end", "begin", "decoder", "trigger", "placeholder", "instance", "class", "per"}
    | {"prefix", "suffix", "new", "last", "first", "next", "think", "thinking", "separator"}
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FLAG = re.compile(r"(?P<flag>[+~]?-{0,2}[A-Za-z_][\w.\-]*)(?P<value>=.*)?", re.DOTALL)
# Values that are keys whatever the flag is called: GitHub, GitLab, Hugging Face, OpenAI and
# Anthropic, AWS, Slack, Google, JSON web tokens.
_KEY_VALUE = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|sk-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abprs]-[\w-]{10,}"
    r"|AIza[\w-]{35}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)"
)
_URL_USER = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.\-]*://)[^/\s?#]+@")
_CONDA_TOKEN = re.compile(r"/t/[^/\s]+/")


def is_secret_name(name: str) -> bool:
    """Whether a flag, key or variable of that name holds a credential."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    before, last = words[-2] if len(words) > 1 else "", words[-1]
    if last == "key":
        return before in KEY_WORDS
    if last == "token" and before in VOCABULARY_WORDS:
        return False
    return last in SECRET_WORDS


def redact_arguments(arguments: Iterable[str]) -> list[str]:
    """A command line in which credentials are replaced by stars.

    Takes `--api-key VALUE`, `--api-key=VALUE`, `api_key=VALUE`, values with the look of well-known
    keys, and users of URLs.
    """
    shown: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not argument.startswith("--"):
            shown.append(STARS)
            hide_next = False
            continue
        found = _FLAG.fullmatch(argument)
        hide_next = False
        if found is None or not is_secret_name(found["flag"]):
            shown.append(redact_text(argument))
        elif found["value"] is not None:
            shown.append(f"{found['flag']}={STARS}")
        else:
            hide_next = found["flag"].startswith("-")
            shown.append(argument)
    return shown


def redact_text(text: str) -> str:
    """Text in which well-known keys and users of URLs are replaced by stars."""
    if "@" in text and "://" in text:
        text = _URL_USER.sub(rf"\g<scheme>{STARS}@", text)
    return _KEY_VALUE.sub(STARS, text)


def strip_url_credentials(url: str) -> str:
    """A URL without user and password; `git@host:path` keeps its user, which is no secret."""
    found = _URL_USER.match(url)
    if found is None:
        return url
    scheme, user = found["scheme"], url[found.end("scheme") : found.end() - 1]
    if scheme.lower() in ("ssh://", "git+ssh://") and ":" not in user:
        return url
    return scheme + url[found.end() :]


def strip_channel_token(url: str) -> str:
    """A conda channel without user, password and `/t/TOKEN/`."""
    return _CONDA_TOKEN.sub("/", strip_url_credentials(url))

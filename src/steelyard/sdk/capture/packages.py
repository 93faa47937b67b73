"""Which packages a process can import, by the names of what installers leave on its path.

`importlib.metadata` would parse a file per package; names of directories say the same. Format of
`*.dist-info`: Python packaging, "Recording installed projects"; of `conda-meta`: one JSON file
per package, named NAME-VERSION-BUILD.json.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from steelyard import limits
from steelyard.sdk.capture.secrets import strip_channel_token, strip_url_credentials

CONDA_HEAD_BYTES = 16_384  # conda writes keys in order: `channel` comes long before `files`

# Compiled where they are needed: most machines have neither conda nor eggs.
CHANNEL = r'"channel":\s*"((?:[^"\\]|\\.)*)"'
EGG_VERSION = r"(?m)^Version:\s*(\S+)"


class Package:
    """An installed package; `name` is normalized ("scikit-learn"), `info` the path of its
    .dist-info or .egg-info, `origin` a URL with commit."""

    __slots__ = ("info", "name", "origin", "version")

    def __init__(self, name: str, version: str, info: str, origin: str | None = None) -> None:
        self.name, self.version, self.info, self.origin = name, version, info, origin

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


def list_packages(path: Iterable[str], cwd: str | None) -> list[Package]:
    """Installed packages by name. What comes first on the path hides what comes later."""
    found: dict[str, Package] = {}
    for entry in dict.fromkeys(path):
        directory = entry or cwd
        if not directory:
            continue
        try:
            with os.scandir(directory) as files:
                names = [f.name for f in files if f.name.endswith((".dist-info", ".egg-info"))]
        except OSError:  # not a directory: a zip file, or gone
            continue
        for name in sorted(names):
            package = _parse_name(directory, name)
            if package is not None and len(found) < limits.CAPTURED_PACKAGES_MAX:
                found.setdefault(package.name, package)
    return sorted(found.values(), key=lambda package: package.name)


def format_requirements(packages: Iterable[Package]) -> str:
    """A requirements file; packages from version control have a comment that says where from."""
    lines: list[str] = []
    for package in packages:
        if package.origin is not None:
            lines.append(f"# {package.name} was installed from {package.origin}")
        lines.append(package.requirement)
    return "".join(f"{line}\n" for line in lines)


def format_conda_environment(
    prefix: str | os.PathLike[str], packages: Iterable[Package]
) -> str | None:
    """The conda environment at `prefix` as YAML, as `conda env export` writes it; None if none."""
    prefix = os.path.normpath(prefix)
    installed = sorted(_iter_conda_packages(os.path.join(prefix, "conda-meta")))
    if not installed:
        return None
    channels = dict.fromkeys(channel for _, _, _, channel in installed if channel)
    lines = [f"name: {_quote(os.path.basename(prefix))}", "channels:"]
    lines += [f"  - {_quote(channel)}" for channel in channels or ("defaults",)]
    lines += ["dependencies:"]
    lines += [f"  - {_quote(f'{name}={version}={build}')}" for name, version, build, _ in installed]
    by_pip = [p.requirement for p in packages if _is_pips(prefix, p)]
    if by_pip:
        lines += ["  - pip:", *(f"      - {_quote(requirement)}" for requirement in by_pip)]
    return "".join(f"{line}\n" for line in [*lines, f"prefix: {_quote(prefix)}"])


def _parse_name(directory: str, name: str) -> Package | None:
    stem, _, kind = name.rpartition(".")
    info = os.path.join(directory, name)
    project, _, version = stem.partition("-")
    if kind == "egg-info":
        # setuptools: NAME.egg-info for a project in place, NAME-VERSION-pyX.Y.egg-info installed.
        version = version.partition("-py")[0] or _read_egg_version(info)
    if not project or not version:
        return None
    origin = _read_origin(info) if kind == "dist-info" else None
    return Package(_normalize(project), version, info, origin)


def _normalize(project: str) -> str:
    """The one spelling of a name: runs of "-", "_" and "." are one "-", letters are small."""
    plain = project.replace("_", "-").replace(".", "-").lower()
    while "--" in plain:
        plain = plain.replace("--", "-")
    return plain


def _read_egg_version(info: str) -> str:
    text = _read(os.path.join(info, "PKG-INFO")) or _read(info)
    found = re.search(EGG_VERSION, text)
    return found[1] if found else ""


def _read_origin(info: str) -> str | None:
    """PEP 610: where a package that does not come from an index comes from."""
    text = _read(os.path.join(info, "direct_url.json"))
    if not text:
        return None
    import json

    try:
        told = json.loads(text)
        url, source = told["url"], told.get("vcs_info")
        if not source:
            return strip_url_credentials(url)
        return f"{source['vcs']}+{strip_url_credentials(url)}@{source['commit_id']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _iter_conda_packages(meta: str) -> Iterator[tuple[str, str, str, str]]:
    """(name, version, build, channel); the channel is "" where the file does not say it early."""
    try:
        files = [name for name in os.listdir(meta) if name.endswith(".json")]
    except OSError:
        return
    for name in files[: limits.CAPTURED_PACKAGES_MAX]:
        parts = name.removesuffix(".json").rsplit("-", 2)
        if len(parts) == 3:
            found = re.search(CHANNEL, _read(os.path.join(meta, name), CONDA_HEAD_BYTES))
            yield parts[0], parts[1], parts[2], _name_channel(found[1]) if found else ""


def _name_channel(url: str) -> str:
    """https://conda.anaconda.org/conda-forge/linux-64 → conda-forge; other URLs as they are."""
    base = re.sub(r"/(?:noarch|[a-z]+-[a-z0-9_]+)/?$", "", strip_channel_token(url))
    if base.startswith("https://repo.anaconda.com/pkgs/"):
        return "defaults"
    return base.removeprefix("https://conda.anaconda.org/")


def _is_pips(prefix: str, package: Package) -> bool:
    """Whether pip, and not conda, installed it into the environment."""
    return (
        package.info.startswith(os.path.join(prefix, ""))
        and _read(os.path.join(package.info, "INSTALLER")).strip() == "pip"
    )


def _quote(text: str) -> str:
    """A YAML scalar: plain where that is safe, else in JSON's quotes, which YAML reads."""
    if re.fullmatch(r"[A-Za-z][\w./=+\-]*", text):
        return text
    import json

    return json.dumps(text)


def _read(file: str, size: int = limits.CAPTURED_FILE_BYTES_MAX) -> str:
    try:
        with open(file, "rb") as opened:
            return opened.read(size).decode("utf-8", "replace")
    except OSError:
        return ""

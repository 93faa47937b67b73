"""Which packages a process can import, by the names of what installers leave on its path.

`importlib.metadata` would parse a file per package; names of directories say the same. Format of
`*.dist-info`: Python packaging, "Recording installed projects"; of `conda-meta`: one JSON file
per package, named NAME-VERSION-BUILD.json.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from steelyard import limits
from steelyard.sdk.capture.secrets import strip_channel_token, strip_url_credentials

CONDA_HEAD_BYTES = 16_384  # conda writes keys in order: `channel` comes long before `files`

_SEPARATORS = re.compile(r"[-_.]+")
_CHANNEL = re.compile(r'"channel":\s*"((?:[^"\\]|\\.)*)"')
_EGG_VERSION = re.compile(r"^Version:\s*(\S+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Package:
    """An installed package; `name` is normalized ("scikit-learn"), `origin` a URL with commit."""

    name: str
    version: str
    info: Path  # its .dist-info or .egg-info
    origin: str | None = None

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
            package = _parse_name(Path(directory), name)
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


def format_conda_environment(prefix: Path, packages: Iterable[Package]) -> str | None:
    """The conda environment at `prefix` as YAML, as `conda env export` writes it; None if none."""
    installed = sorted(_iter_conda_packages(prefix / "conda-meta"))
    if not installed:
        return None
    channels = dict.fromkeys(channel for _, _, _, channel in installed if channel)
    lines = [f"name: {_quote(prefix.name)}", "channels:"]
    lines += [f"  - {_quote(channel)}" for channel in channels or ("defaults",)]
    lines += ["dependencies:"]
    lines += [f"  - {_quote(f'{name}={version}={build}')}" for name, version, build, _ in installed]
    by_pip = [p.requirement for p in packages if _is_pips(prefix, p)]
    if by_pip:
        lines += ["  - pip:", *(f"      - {_quote(requirement)}" for requirement in by_pip)]
    return "".join(f"{line}\n" for line in [*lines, f"prefix: {_quote(str(prefix))}"])


def _parse_name(directory: Path, name: str) -> Package | None:
    stem, _, kind = name.rpartition(".")
    project, _, version = stem.partition("-")
    if kind == "egg-info":
        # setuptools: NAME.egg-info for a project in place, NAME-VERSION-pyX.Y.egg-info installed.
        version = version.partition("-py")[0] or _read_egg_version(directory / name)
    if not project or not version:
        return None
    origin = _read_origin(directory / name) if kind == "dist-info" else None
    return Package(_SEPARATORS.sub("-", project).lower(), version, directory / name, origin)


def _read_egg_version(info: Path) -> str:
    text = _read(info / "PKG-INFO") or _read(info)
    found = _EGG_VERSION.search(text)
    return found[1] if found else ""


def _read_origin(info: Path) -> str | None:
    """PEP 610: where a package that does not come from an index comes from."""
    text = _read(info / "direct_url.json")
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


def _iter_conda_packages(meta: Path) -> Iterator[tuple[str, str, str, str]]:
    """(name, version, build, channel); the channel is "" where the file does not say it early."""
    try:
        files = [file for file in meta.iterdir() if file.suffix == ".json"]
    except OSError:
        return
    for file in files[: limits.CAPTURED_PACKAGES_MAX]:
        parts = file.name.removesuffix(".json").rsplit("-", 2)
        if len(parts) == 3:
            found = _CHANNEL.search(_read(file, CONDA_HEAD_BYTES))
            yield parts[0], parts[1], parts[2], _name_channel(found[1]) if found else ""


def _name_channel(url: str) -> str:
    """https://conda.anaconda.org/conda-forge/linux-64 → conda-forge; other URLs as they are."""
    base = re.sub(r"/(?:noarch|[a-z]+-[a-z0-9_]+)/?$", "", strip_channel_token(url))
    if base.startswith("https://repo.anaconda.com/pkgs/"):
        return "defaults"
    return base.removeprefix("https://conda.anaconda.org/")


def _is_pips(prefix: Path, package: Package) -> bool:
    """Whether pip, and not conda, installed it into the environment."""
    return prefix in package.info.parents and _read(package.info / "INSTALLER").strip() == "pip"


def _quote(text: str) -> str:
    """A YAML scalar: plain where that is safe, else in JSON's quotes, which YAML reads."""
    if re.fullmatch(r"[A-Za-z][\w./=+\-]*", text):
        return text
    import json

    return json.dumps(text)


def _read(file: Path, size: int = limits.CAPTURED_FILE_BYTES_MAX) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(size).decode("utf-8", "replace")
    except OSError:
        return ""

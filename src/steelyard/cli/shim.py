"""`steelyard shim`: a module and a command `wandb` that are ours, in this environment."""

from __future__ import annotations

import base64
import hashlib
import sys
import sysconfig
from pathlib import Path
from typing import Final

import click

from steelyard import __version__
from steelyard.errors import Conflict, UsageError
from steelyard.sdk.as_wandb import NAME, WANDB_VERSION

INSTALLER: Final = "steelyard"
#: Says in `pip list` whose it is, and still is the version that others ask for.
DIST_VERSION: Final = f"{WANDB_VERSION}+steelyard"
DIST_INFO: Final = f"{NAME}-{DIST_VERSION}.dist-info"

MODULE: Final = '''\
"""Installed by `steelyard shim`: `import wandb` gets Steelyard's client.

Taken out again by `steelyard shim --remove`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard import *
else:
    import sys

    from steelyard.sdk.as_wandb import take_over

    take_over(sys.modules[__name__])
'''
MAIN: Final = """\
from steelyard.cli.wandb_command import main

main()
"""
METADATA: Final = f"""\
Metadata-Version: 2.1
Name: {NAME}
Version: {DIST_VERSION}
Summary: Stands for wandb {WANDB_VERSION}: installed by `steelyard shim`, and is Steelyard's client.
"""


@click.command()
@click.option("--remove", "wish", flag_value="remove", help="Take them out again.")
@click.option(
    "--check", "wish", flag_value="check", help="Say whose wandb is here; status 0: ours."
)
def shim(wish: str | None) -> None:
    """Install a module and a command `wandb` here that are Steelyard's.

    Scripts that say `import wandb`, frameworks that look for it, and `wandb login` or `wandb sync`
    then use Steelyard without a change. Not where the wandb package is installed: with
    WANDB_BASE_URL that works with a Steelyard server as it is.
    """
    site, scripts = _places()
    if wish == "check":
        sys.exit(_check(site))
    if wish == "remove":
        removed = _remove(site)
        click.echo(f"removed from {site}" if removed else "there is no shim here")
        return
    _require_free(site, scripts)
    _install(site, scripts)
    click.echo(f"wandb is Steelyard's now, in {site}")
    click.echo("undo it with: steelyard shim --remove")


def _places() -> tuple[Path, Path]:
    """Where modules and commands of this environment are."""
    return Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts"))


def _check(site: Path) -> int:
    version = _find_foreign()
    if version is not None:
        click.echo(f"wandb here is the wandb package, version {version}")
    elif (site / DIST_INFO).is_dir():
        click.echo(f"wandb here is Steelyard {__version__}, and says to be wandb {WANDB_VERSION}")
        return 0
    else:
        click.echo("there is no wandb here; make it ours: steelyard shim")
    return 1


def _find_foreign() -> str | None:
    """The version of a package wandb that is not ours."""
    from importlib.metadata import distributions

    for found in distributions(name=NAME):
        if (found.read_text("INSTALLER") or "").strip() != INSTALLER:
            return str(found.version)
    return None


def _require_free(site: Path, scripts: Path) -> None:
    """Raises Conflict where something else is called wandb, UsageError where pip may not write."""
    version = _find_foreign()
    if version is not None:
        raise Conflict(
            f"the wandb package {version} is installed here ({sys.prefix}), and works with a "
            "Steelyard server as it is: set WANDB_BASE_URL. To put our client in its place: "
            "pip uninstall wandb, then steelyard shim"
        )
    ours = _recorded(site)
    command = _command_path(scripts)
    for path in (site / NAME, site / f"{NAME}.py", command):
        if path.exists() and not any(path in (one, *one.parents) for one in ours):
            raise Conflict(
                f"{path} is there already and is not ours; move it away, then run this again"
            )
    managed = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    if sys.prefix == sys.base_prefix and managed.exists():
        raise UsageError(
            f"the Python in {sys.prefix} is the system's, and its packages are not ours to change; "
            "use a virtual environment: python -m venv"
        )


def _install(site: Path, scripts: Path) -> None:
    """Write the files; what an earlier version wrote goes."""
    command = _command_path(scripts)
    info = site / DIST_INFO
    files = {
        site / NAME / "__init__.py": MODULE,
        site / NAME / "__main__.py": MAIN,
        site / NAME / "py.typed": "",
        command: f"#!{sys.executable}\n{MAIN}",
        info / "METADATA": METADATA,
        info / "INSTALLER": f"{INSTALLER}\n",
    }
    try:
        _remove(site)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        command.chmod(0o755)
        record = [_record_line(path, site) for path in files]
        record.append(f"{DIST_INFO}/RECORD,,\n")
        (info / "RECORD").write_text("".join(record), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename}: {error.strerror}; "
            "use a virtual environment of your own: python -m venv"
        ) from error


def _command_path(scripts: Path) -> Path:
    return scripts / NAME


def _record_line(path: Path, site: Path) -> str:
    """A line of RECORD, by which pip can remove what it did not install.

    Source: packaging.python.org, "Recording installed projects".
    """
    import os

    name = os.path.relpath(path, site).replace(os.sep, "/")
    content = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def _recorded(site: Path) -> list[Path]:
    """Files that a shim wrote here."""
    found: list[Path] = []
    for info in site.glob(f"{NAME}-*.dist-info"):
        if _read(info / "INSTALLER").strip() != INSTALLER:
            continue
        for line in _read(info / "RECORD").splitlines():
            name = line.rsplit(",", 2)[0]
            found.append(Path(_normal(site / name)))
        found += [info / "RECORD", info / "INSTALLER"]
    return list(dict.fromkeys(found))


def _normal(path: Path) -> str:
    import os

    return os.path.normpath(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _remove(site: Path) -> bool:
    """Delete what a shim wrote here, and the folders that are empty then. Whether there was any."""
    import shutil

    files = _recorded(site)
    folders: dict[Path, None] = {}
    for path in files:
        path.unlink(missing_ok=True)
        folders[path.parent] = None
    for folder in folders:
        if folder.parent != site:  # the folder of the commands is not ours
            continue
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return bool(files)

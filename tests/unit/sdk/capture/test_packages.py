from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from steelyard.sdk.capture.packages import (
    format_conda_environment,
    format_requirements,
    list_packages,
)


def install(site: Path, name: str, *, installer: str = "pip", **files: str) -> Path:
    info = site / name
    info.mkdir(parents=True)
    (info / "INSTALLER").write_text(installer + "\n")
    for file, content in files.items():
        (info / file.replace("__", ".")).write_text(content)
    return info


def test_says_the_same_as_importlib_metadata() -> None:
    expected = {
        f"{re.sub(r'[-_.]+', '-', d.metadata['Name']).lower()}=={d.version}"
        for d in importlib.metadata.distributions()
    }
    assert {p.requirement for p in list_packages(sys.path, None)} == expected


def test_the_first_on_the_path_hides_the_others(tmp_path: Path) -> None:
    install(tmp_path / "a", "Foo_Bar-2.0.dist-info")
    install(tmp_path / "b", "foo.bar-1.0.dist-info")
    install(tmp_path / "b", "baz-1.0rc1+cu121.dist-info")
    path = [str(tmp_path / "a"), str(tmp_path / "zip.zip"), str(tmp_path / "b")]
    found = [package.requirement for package in list_packages(path, None)]
    assert found == ["baz==1.0rc1+cu121", "foo-bar==2.0"]


def test_an_empty_entry_is_the_working_directory(tmp_path: Path) -> None:
    install(tmp_path, "foo-1.dist-info")
    assert [p.name for p in list_packages([""], str(tmp_path))] == ["foo"]
    assert list_packages([""], None) == []


def test_reads_older_forms(tmp_path: Path) -> None:
    (tmp_path / "six-1.16.0-py3.11.egg-info").write_text("Metadata-Version: 1.1\n")
    install(tmp_path, "mine.egg-info", **{"PKG-INFO": "Name: mine\nVersion: 0.3\n"})
    (tmp_path / "nameless.egg-info").mkdir()
    found = [package.requirement for package in list_packages([str(tmp_path)], None)]
    assert found == ["mine==0.3", "six==1.16.0"]


def test_tells_where_a_package_comes_from(tmp_path: Path) -> None:
    told = {
        "url": "https://me:secret@example.org/lib.git",
        "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
    }
    install(tmp_path, "lib-1.0.dist-info", direct_url__json=json.dumps(told))
    install(tmp_path, "bad-1.0.dist-info", direct_url__json="{")
    assert format_requirements(list_packages([str(tmp_path)], None)) == (
        "bad==1.0\n# lib was installed from git+https://example.org/lib.git@c0ffee\nlib==1.0\n"
    )


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    prefix = tmp_path / "envs" / "train 2"
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True)
    channels = {
        "numpy-1.26.4-py311h64a7726_0": "https://conda.anaconda.org/conda-forge/linux-64",
        "python-3.11.5-h955ad1f_0": "https://repo.anaconda.com/pkgs/main/linux-64",
        "own-lib-1.0-0": "https://conda.example.org/t/tk-secret/team/noarch",
        "r-base-4.3-1": None,
    }
    for name, channel in channels.items():
        told = {"build": "x", "build_number": 0} | ({"channel": channel} if channel else {})
        text = json.dumps(told | {"files": ["lib/" + "x" * 50] * 1000}, indent=2)
        (meta / f"{name}.json").write_text(text)
    (meta / "history").write_text("==> 2024 <==\n")
    site = prefix / "lib/python3.11/site-packages"
    install(site, "numpy-1.26.4.dist-info", installer="conda")
    install(site, "torch-2.4.0+cu121.dist-info")
    return prefix


def test_describes_a_conda_environment(conda: Path) -> None:
    packages = list_packages([str(conda / "lib/python3.11/site-packages")], None)
    text = format_conda_environment(conda, packages)
    assert text is not None and "secret" not in text
    assert yaml.safe_load(text) == {
        "name": "train 2",
        "channels": ["conda-forge", "https://conda.example.org/team", "defaults"],
        "dependencies": [
            "numpy=1.26.4=py311h64a7726_0",
            "own-lib=1.0=0",
            "python=3.11.5=h955ad1f_0",
            "r-base=4.3=1",
            {"pip": ["torch==2.4.0+cu121"]},
        ],
        "prefix": str(conda),
    }


def test_other_environments_are_not_condas(tmp_path: Path) -> None:
    assert format_conda_environment(tmp_path, []) is None

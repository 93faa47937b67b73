"""Everything that `init(config=)` and `config.update` take."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import types
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.errors import Invalid
from steelyard.sdk.config import Config
from steelyard.sdk.config_sources import read_config


@dataclasses.dataclass
class Optimizer:
    lr: float = 0.1


@dataclasses.dataclass(slots=True)
class Training:
    epochs: int = 3
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)


class Frozen(msgspec.Struct, frozen=True):
    epochs: int = 3


EXPECTED = {"epochs": 3}


@pytest.mark.parametrize(
    "given",
    [
        {"epochs": 3},
        argparse.Namespace(epochs=3),
        types.SimpleNamespace(epochs=3),
        types.MappingProxyType({"epochs": 3}),
        Frozen(),
        Config({"epochs": 3}),
    ],
    ids=lambda given: type(given).__name__,
)
def test_objects_with_names_and_values_are_configs(given: Any) -> None:
    assert read_config(given) == EXPECTED


def test_dataclasses_are_taken_apart_but_their_values_are_not_copied() -> None:
    model = object()
    training = Training()
    training.optimizer.lr = model  # type: ignore[assignment]  # anything
    assert read_config(training) == {"epochs": 3, "optimizer": {"lr": model}}


def test_nothing_is_an_empty_config() -> None:
    assert read_config(None) == {}


def test_omegaconf_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own to_container: a stand-in for the library, which need not be installed."""
    module = types.ModuleType("omegaconf")

    class OmegaConf:
        @staticmethod
        def to_container(given: Any, resolve: bool) -> Any:
            assert resolve
            return given.content

    class DictConfig:
        def __init__(self, content: Any) -> None:
            self.content = content

    DictConfig.__module__ = "omegaconf.dictconfig"
    module.OmegaConf = OmegaConf  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "omegaconf", module)
    assert read_config(DictConfig({"epochs": 3})) == EXPECTED
    with pytest.raises(Invalid, match="map"):
        read_config(DictConfig([1]))


def test_absl_flags_are_read_by_name() -> None:
    class FlagValues:
        """As absl: iterates over names, items hold values."""

        def __iter__(self) -> Any:
            return iter(["epochs"])

        def __getitem__(self, name: str) -> Any:
            return types.SimpleNamespace(value=3)

    FlagValues.__module__ = "absl.flags._flagvalues"
    flags = types.ModuleType("absl.flags")
    flags.FLAGS = FlagValues()  # type: ignore[attr-defined]
    assert read_config(flags) == read_config(flags.FLAGS) == EXPECTED


@pytest.mark.parametrize("given", [3, [1, 2], ("a",), Training, object(), {1, 2}])
def test_what_has_no_names_is_refused(given: Any) -> None:
    with pytest.raises(Invalid, match="config is a"):
        read_config(given)


def test_keys_are_chosen_or_left_out() -> None:
    given = {"a": 1, "b": 2, "c": 3}
    assert read_config(given, include=["a", "b"]) == {"a": 1, "b": 2}
    assert read_config(given, exclude=["a"]) == {"b": 2, "c": 3}
    with pytest.raises(Invalid, match="not both"):
        read_config(given, include=["a"], exclude=["b"])


def test_a_file_is_plain_or_in_the_form_that_wandb_writes(tmp_path: Path) -> None:
    plain = tmp_path / "config.yaml"
    plain.write_text("epochs: 3\n")
    assert read_config(str(plain)) == read_config(plain) == EXPECTED
    full = tmp_path / "full.yaml"
    full.write_text(
        "wandb_version: 1\n\n_wandb:\n  value: {x: 1}\nepochs:\n  desc: null\n  value: 3\n"
    )
    assert read_config(full) == EXPECTED
    (tmp_path / "c.json").write_text('{"epochs": 3}')
    assert read_config(tmp_path / "c.json") == EXPECTED
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    assert read_config(tmp_path / "empty.yaml") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- 1\n", "no map"),
        (b"a: [1\n", "line 1"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"wandb_version: 2\n", "wandb_version 2"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=r"bad\.yaml") as caught:
        read_config(path)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(Invalid, match=r"none\.yaml: No such file"):
        read_config("none.yaml")

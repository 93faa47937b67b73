"""`run.config`: reading by key and attribute, rules of changing, and what is told of changes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from steelyard.errors import ConfigError, Error, Invalid
from steelyard.sdk.config import Config, ConfigStatic, NestedConfig
from steelyard.sdk.values import plain_config


class Changes:
    """A config and what it told its run."""

    def __init__(self, items: dict[str, Any] | None = None, **options: Any) -> None:
        self.told: list[tuple[dict[str, Any], list[str]]] = []
        self.config = Config(
            items,
            on_change=lambda changed, removed: self.told.append((changed, removed)),
            encode=plain_config,
            **options,
        )


def test_values_are_read_by_key_and_by_attribute_at_every_depth() -> None:
    config = Config({"lora_r": 8, "opt": {"lr": 0.1, "betas": [0.9, {"x": 1}]}})
    assert config.lora_r == config["lora_r"] == 8
    assert config.opt.lr == config["opt"]["lr"] == config.opt["lr"] == 0.1
    assert config.opt.betas[1].x == 1
    assert config.get("none") is None
    assert config.get("none", 3) == 3
    assert "opt" in config
    assert dict(config) == {"lora_r": 8, "opt": {"lr": 0.1, "betas": [0.9, {"x": 1}]}}
    assert config.keys() == list(config) == ["lora_r", "opt"]
    assert len(config) == 2
    assert {**config} == config.as_dict()


def test_a_missing_key_is_an_error_that_lists_the_keys() -> None:
    config = Config({"lr": 1})
    with pytest.raises(AttributeError, match="'lrr'; it has: lr"):
        _ = config.lrr
    with pytest.raises(KeyError, match="it has: lr"):
        _ = config["lrr"]
    assert not hasattr(config, "lrr")
    assert getattr(config, "lrr", 5) == 5


def test_each_way_of_setting_tells_the_run() -> None:
    changes = Changes({"a": 1})
    config = changes.config
    config.b = 2
    config["c"] = 3
    config.update({"d": 4, "e": {"f": 5}})
    config.e.f = 6
    config.e["g"] = {"h": 7}
    config.e.g.h = 8
    config.setdefaults({"a": 9, "i": 10})
    del config["b"]
    assert changes.told == [
        ({"b": 2}, []),
        ({"c": 3}, []),
        ({"d": 4, "e": {"f": 5}}, []),
        ({"e": {"f": 6}}, []),
        ({"e": {"f": 6, "g": {"h": 7}}}, []),
        ({"e": {"f": 6, "g": {"h": 8}}}, []),
        ({"i": 10}, []),
        ({}, ["b"]),
    ]
    assert config.a == 1


def test_what_was_told_does_not_change_later() -> None:
    changes = Changes()
    changes.config["m"] = {"x": 1}
    changes.config.m.x = 2
    assert changes.told[0] == ({"m": {"x": 1}}, [])


def test_a_value_does_not_change_unless_that_is_allowed() -> None:
    changes = Changes({"lr": 0.1, "n": None})
    config = changes.config
    for change in (
        lambda: config.update({"lr": 0.2, "new": 1}),
        lambda: setattr(config, "lr", 0.2),
        lambda: config.__setitem__("lr", 0.2),
        lambda: config.update({"n": 1}),
    ):
        with pytest.raises(ConfigError, match="allow_val_change"):
            change()
    assert dict(config) == {"lr": 0.1, "n": None}  # all or nothing
    assert changes.told == []
    config.update({"lr": 0.1})
    config.update({"lr": 0.3}, allow_val_change=True)
    assert config.lr == 0.3
    assert issubclass(ConfigError, Error)


def test_init_may_allow_all_changes() -> None:
    config = Config({"lr": 0.1}, allow_val_change=True)
    config.lr = 0.2
    with pytest.raises(ConfigError):
        config.update({"lr": 0.3}, allow_val_change=False)


def test_nan_may_be_set_again() -> None:
    config = Config({"x": float("nan")}, encode=plain_config)
    config.update({"x": float("nan")})


def test_locked_keys_are_a_sweeps_and_others_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    changes = Changes({"lr": 0.5, "bs": 64, "opt": {"a": 1, "b": 2}})
    config = changes.config
    config.merge_locked({"lr": 0.1, "opt": {"a": 9}}, user="sweep")
    config.update({"lr": 0.7, "bs": 64, "seed": 1})
    config.lr = 0.8
    assert dict(config) == {"lr": 0.1, "bs": 64, "opt": {"a": 9, "b": 2}, "seed": 1}
    assert "set by sweep" in capsys.readouterr().err
    config.update_locked({"lr": 0.2}, user="sweep", _allow_val_change=True)
    assert config.lr == 0.2


def test_values_are_made_plain_and_keys_are_cleaned() -> None:
    changes = Changes()
    changes.config.update(
        {"--lr": np.float32(0.5), "n": np.int64(3), "t": (1, 2), "s": {"p": None}}
    )
    assert dict(changes.config) == {"lr": 0.5, "n": 3, "t": [1, 2], "s": {"p": None}}
    assert type(changes.config.n) is int
    with pytest.raises(Invalid, match="strings"):
        changes.config.update({1: 2})


def test_persist_tells_everything_again() -> None:
    changes = Changes({"a": 1, "b": {"c": 2}})
    changes.config.persist()
    assert changes.told == [({"a": 1, "b": {"c": 2}}, [])]


def test_copies_of_a_part_change_no_run() -> None:
    changes = Changes({"m": {"x": {"y": 1}}})
    part = changes.config.m
    assert isinstance(part, NestedConfig)
    for twin in (
        copy.deepcopy(part),
        pickle.loads(pickle.dumps(part)),
        changes.config.as_dict()["m"],
    ):
        assert type(twin) is dict
        twin["x"]["y"] = 2
    assert part.x.y == 1
    assert changes.told == []


def test_equal_configs_are_equal_and_print_as_dicts() -> None:
    config = Config({"a": {"b": 1}})
    assert config == {"a": {"b": 1}} == Config({"a": {"b": 1}})
    assert repr(config) == "{'a': {'b': 1}}"


def test_keys_of_the_client_itself_are_not_listed() -> None:
    config = Config({"_wandb": {"x": 1}, "a": 1})
    assert dict(config) == {"a": 1}
    assert config["_wandb"] == {"x": 1}


def test_a_static_config_does_not_change() -> None:
    static = ConfigStatic(Config({"a": 1}))
    assert static.a == static["a"] == 1
    with pytest.raises(AttributeError):
        static.a = 2
    with pytest.raises(AttributeError):
        static["a"] = 2

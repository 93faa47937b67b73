"""`import steelyard as wandb`: what is there, what is not yet, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import steelyard
from steelyard import errors
from tests.support.sdk_user import SdkUser


def test_every_public_name_is_there_and_only_those_are_listed() -> None:
    assert dir(steelyard) == sorted(steelyard.__all__)
    for name in steelyard.__all__:
        getattr(steelyard, name)


def test_the_import_loads_next_to_nothing() -> None:
    code = "import steelyard, sys; print(len(sys.modules)); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, names = done.stdout.split("\n", 1)
    assert int(count) <= 250
    heavy = {"msgspec", "urllib3", "click", "psutil", "numpy", "steelyard.sdk.session"}
    assert not heavy & set(names.split())


def test_a_run_loads_no_network_and_no_processes(user: SdkUser) -> None:
    """Up to log(), a training process has no use for these; each costs milliseconds."""
    code = """
import steelyard as wandb, sys
run = wandb.init(mode="offline", config={"a": 1}); run.log({"a": 1})
print(*sys.modules)
run.finish()
"""
    done = user.run(code, WANDB_SILENT="true")
    heavy = {"urllib3", "click", "psutil", "subprocess", "socket", "ssl", "http.client", "logging"}
    heavy |= {"email", "asyncio", "multiprocessing", "concurrent.futures", "shutil", "difflib"}
    assert sorted(heavy & set(done.stdout.split())) == []


@pytest.mark.parametrize(
    "call",
    [
        "log({'a': 1})",
        "define_metric('a')",
        "save('x')",
        "restore('x')",
        "alert('t', 'x')",
        "watch(None)",
        "unwatch()",
        "mark_preempting()",
        "log_code()",
        "pin_config_keys(['a'])",
        "config.update({'a': 1})",
        "config.a",
        "config['a']",
        "config.__setitem__('a', 1)",
        "config.__setattr__('a', 1)",
        "summary['a']",
        "summary.update({})",
        "'a' in config",
        "dict(config)",
    ],
)
def test_without_a_run_every_call_says_to_begin_one(call: str) -> None:
    names = {name: getattr(steelyard, name) for name in steelyard.__all__}
    with pytest.raises(errors.UsageError, match=r"steelyard\.init\(\)"):
        eval(call, names)


def test_without_a_run_there_is_nothing_to_end() -> None:
    assert steelyard.run is None
    steelyard.finish()
    steelyard.join()
    assert hasattr(steelyard.config, "__class__")
    assert "no active run" in repr(steelyard.summary)


@pytest.mark.parametrize("name", ["automations", "keras"])
def test_what_wandb_has_and_we_do_not_yet_is_said(name: str) -> None:
    assert not hasattr(steelyard, name)
    with pytest.raises(AttributeError, match=f"steelyard.{name}: this version has no"):
        getattr(steelyard, name)
    with pytest.raises(steelyard.UsageError):
        getattr(steelyard, name)


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="module 'steelyard' has no attribute 'nonsense'"):
        _ = steelyard.nonsense


def test_every_public_name_of_wandb_is_there_or_explained() -> None:
    wandb = pytest.importorskip("wandb")
    for name in wandb.__all__:
        try:
            getattr(steelyard, name)
        except errors.UnsupportedError as error:
            assert "this version has no" in str(error)


def test_errors_go_by_wandbs_names() -> None:
    assert issubclass(steelyard.UsageError, steelyard.Error)
    assert issubclass(steelyard.CommError, steelyard.Error)
    assert steelyard.errors.AuthenticationError is errors.Unauthenticated
    assert issubclass(errors.UnsupportedError, steelyard.UsageError)
    assert issubclass(errors.NoApiKey, errors.AuthenticationError)


def test_small_things_scripts_use() -> None:
    assert len(steelyard.util.generate_id()) == 8
    assert steelyard.env.PROJECT == "WANDB_PROJECT"
    assert steelyard.AlertLevel.WARN.value == "WARN"
    steelyard.require("core")
    steelyard.ensure_configured()
    with pytest.raises(errors.UnsupportedError, match="init\\(id='abc'"):
        steelyard.attach("abc")


def test_a_script_written_for_wandb_runs(user: SdkUser) -> None:
    done = user.run(
        """
import steelyard as wandb
wandb.init(mode="offline", config={"lr": 0.1})
assert wandb.run is not None and wandb.config.lr == 0.1
wandb.config.epochs = 2
wandb.define_metric("val/*", summary="max")
for step in range(3):
    wandb.log({"train/loss": 1 / (step + 1)}, commit=False)
    wandb.log({"val/acc": step})
assert wandb.run.step == 3
wandb.summary["best"] = 1
print(dict(wandb.summary)["best"], wandb.run.id)
wandb.termlog("hello")
for _ in range(2): wandb.termwarn("careful", repeat=False)
wandb.finish()
"""
    )
    assert done.stdout.startswith("1 ")
    assert "steelyard: hello" in done.stderr
    assert done.stderr.count("WARNING careful") == 1
    (folder,) = user.folders()
    assert [step for step, _, _ in user.rows(folder)] == [0, 0, 1, 1, 2, 2]


def test_old_scripts_ask_whether_somebody_is_logged_in(user: SdkUser) -> None:
    code = """
import steelyard as wandb
print(wandb.api.api_key, wandb.setup().settings.mode)
try:
    wandb.api.viewer()
except wandb.errors.UnsupportedError as error:
    print(error)
"""
    key = "k" * 40
    known = user.run(code, WANDB_API_KEY=key, WANDB_BASE_URL="http://127.0.0.1:9").stdout
    assert known.startswith(f"{key} online\nsteelyard.api.viewer: this version has no")
    assert user.run(code, WANDB_MODE="offline").stdout.startswith("None offline\n")

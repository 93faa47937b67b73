"""The query API where `import wandb` is ours."""

from __future__ import annotations

from pathlib import Path

from tests.support.sdk_user import SdkUser

SHIM = (
    "import sys; from steelyard.sdk.as_wandb import take_over; take_over(sys.modules[__name__])\n"
)
SCRIPT = """
import steelyard, wandb
import wandb.apis.public
from wandb.apis import PublicApi, public
from wandb.apis.public import Run, Runs, ArtifactCollection
assert wandb.Api is wandb.PublicApi is PublicApi is public.Api is steelyard.Api
assert wandb.apis.public.Run is Run is steelyard.apis.public.Run
run = wandb.Api().create_run(run_id="r", project="shimmed")
assert isinstance(run, Run) and isinstance(wandb.Api().runs("shimmed"), Runs)
print([each.id for each in wandb.Api().runs("shimmed")])
"""


def test_the_modules_of_the_api_are_found(online_user: SdkUser, tmp_path: Path) -> None:
    package = tmp_path / "site/wandb"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SHIM)
    done = online_user.run(SCRIPT, PYTHONPATH=str(tmp_path / "site"), cwd=tmp_path)
    assert "['r']" in done.stdout

"""Take the pictures of the README from the running product: `make pictures`.

A server on a data directory that is thrown away, thirty trainings logged by the official client, a
sweep with the trials of tests/support/many_trials.py, and Chromium. The numbers are made up but
seeded, so the pictures change only when the page does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from steelyard.server.db.open import open_database
from steelyard.testing.server import ThrowawayServer
from tests.support.browser import Browser, open_session
from tests.support.many_trials import CONFIG, fill_sweep
from tests.support.official_client import OfficialClient, clean_environ, kill_group

PICTURES = Path(__file__).resolve().parent / "pictures"
PROJECT = "flowers"
SIZE = (1280, 640)
TRIALS = 26
#: A picture that is larger slows the README down.
BYTES_MAX = 200_000

# The last run goes on until its file is there, so that the pictures show a run that is running.
TRAINING = """
import math, os, random, time, wandb
from pathlib import Path

def train(number, lr, width, seed):
    draw = random.Random(seed)
    name = f"vit-{width}-lr-{lr:g}"
    best = 0.25 + 0.12 * abs(math.log10(lr / 1e-3)) - 0.04 * math.log2(width / 192)
    noise = 1.0
    run = wandb.init(
        id=f"run-{number:02}", name=name, group=f"width {width}",
        tags=["baseline"] if number == 0 else ["sweep"],
        notes="Wider models with a smaller learning rate.\\nCompare with the baseline of June.",
        config={
            "learning_rate": lr, "seed": seed, "epochs": 40, "batch_size": 256,
            "model": {"kind": "ViT", "width": width, "depth": 12, "patch": 16},
            "data": {"name": "flowers-102", "augment": ["flip", "crop", "mixup"]},
        },
    )
    for step in range(200 if number < 29 else 140):
        noise = 0.96 * noise + 0.04 * draw.gauss(1, 0.4)
        fit = math.exp(-step * lr ** 0.25 / 12)
        loss = best + (4.6 - best) * fit * noise
        valid = best * 1.2 + (4.6 - best) * fit + 0.02 * draw.random() + (step / 200) ** 2 * lr * 40
        warm = min(1, step / 20)
        run.log({
            "train/loss": loss, "train/accuracy": max(0, 1 - loss / 4.7),
            "valid/loss": valid, "valid/accuracy": max(0, 0.97 - valid / 4.9),
        })
        if step % 10 == 0:
            print(f"step {step:4}  loss {loss:.4f}  valid {valid:.4f}")
    return run

done = Path(os.environ["DONE"])
settings = [(lr, width) for lr in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2) for width in (192, 384, 768)]
for number, (lr, width) in enumerate(2 * settings):
    run = train(number, lr, width, seed=number)
    if number < 29:
        run.finish(exit_code=1 if number == 13 else 0)
print("LOGGED", flush=True)
while not done.exists():
    time.sleep(0.1)
run.finish()
"""


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        # The owner of a new server is called as the user of the machine.
        environ = clean_environ(place / "home") | {"LOGNAME": "ada", "USER": "ada"}
        with ThrowawayServer(place / "server", environ=environ) as server:
            log_and_look(server, place)
            sweep_and_look(server)
    for picture in sorted(PICTURES.glob("*.png")):
        size = picture.stat().st_size
        assert size <= BYTES_MAX, f"{picture.name} has {size} bytes, more than {BYTES_MAX}"
        print(f"{picture.name}: {size:,} bytes")


def log_and_look(server: ThrowawayServer, place: Path) -> None:
    home = place / "home"
    environ = clean_environ(
        home, base_url=server.base_url, api_key=server.owner_key, project=PROJECT
    )
    environ["WANDB__FILE_STREAM_TRANSMIT_INTERVAL"] = "1"
    (home / "train.py").write_text(TRAINING)
    client, done = OfficialClient(home, environ), home / "done"
    training = client.start_script(
        Path("train.py"), DONE=str(done), WANDB_PROGRAM="train.py", WANDB_HOST="workstation"
    )
    try:
        assert training.stdout is not None
        output = ""
        while "LOGGED" not in output:
            line = training.stdout.readline()
            assert line, output[-3000:]
            output += line
        take_pictures(server)
        done.touch()
        training.communicate(timeout=60)
    finally:
        kill_group(training)
        training.wait()


def sweep_and_look(server: ThrowawayServer) -> None:
    """The page of a sweep with one axis brushed."""
    sweeps = f"/api/v1/ada/{PROJECT}/sweeps"
    name = server.call("POST", sweeps, content={"config": CONFIG})["name"]
    server.stop()
    db = open_database(f"sqlite:///{server.data_dir}/steelyard.db")
    fill_sweep(db, name, TRIALS)
    db.close()
    server.start()
    browser = Browser()
    try:
        page = browser.visit(server.base_url, cookies=open_session(server), size=SIZE)
        page.goto(f"/ada/{PROJECT}/sweeps/{name}?brush=parameter:lr~0.0002..0.006")
        page.at("text", "/trials selected/").see()
        page.at("title", "New data appears by itself").see()
        page.do("screenshot", file=str(PICTURES / "sweep-light.png"))
        page.end()
    finally:
        browser.close()


def take_pictures(server: ThrowawayServer) -> None:
    cookies = open_session(server)
    browser = Browser()
    try:
        for scheme in ("light", "dark"):
            page = browser.visit(server.base_url, cookies=cookies, scheme=scheme, size=SIZE)
            page.goto(f"/ada/{PROJECT}?show=12&smooth=0.4")
            page.at("figure", "/^train/loss, 12 runs, /").see()
            page.at("figure", "/^valid/accuracy, 12 runs, /").see()
            page.at("status").wait_for_text("live")
            page.do("screenshot", file=str(PICTURES / f"workspace-{scheme}.png"))
            page.end()
        page = browser.visit(server.base_url, cookies=cookies, size=SIZE)
        page.goto(f"/ada/{PROJECT}/runs/run-08/overview")
        page.at("table", "Config").see()
        page.at("status").wait_for_text("live")
        page.do("screenshot", file=str(PICTURES / "run-light.png"))
        page.end()
    finally:
        browser.close()


if __name__ == "__main__":
    main()

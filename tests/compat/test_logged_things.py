"""What a script can log besides numbers, and how it is found again."""

from __future__ import annotations

import math

from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader


def test_saved_files_are_there_with_their_content(client: OfficialClient, runs: RunReader) -> None:
    (client.home / "model.txt").write_text("weights " * 1000)
    (client.home / "with space & ünïcode.txt").write_text("x")
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    run.save('model.txt', policy='now')\n"
        "    run.save('with space*.txt')\n"
    )
    files = runs.list_files("r")
    assert files["model.txt"] == 8000
    assert files["with space & ünïcode.txt"] == 1
    client.run_script(
        "import sys, wandb\n"
        "run = wandb.Api().run(sys.argv[1])\n"
        "run.file('model.txt').download(root='back')\n"
        "run.file('with space & ünïcode.txt').download(root='back')\n",
        f"{runs.entity}/{runs.project}/r",
    )
    assert (client.home / "back/model.txt").read_text() == "weights " * 1000
    assert (client.home / "back/with space & ünïcode.txt").read_text() == "x"


def test_an_alert_neither_hangs_nor_fails_a_run(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    run.alert('Loss is high', 'It is 9.', level=wandb.AlertLevel.WARN, wait_duration=0)\n"
    )
    assert runs.get_run("r")["state"] == "finished"


def test_defined_metrics_decide_the_summary(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    run.define_metric('epoch')\n"
        "    run.define_metric('valid/*', step_metric='epoch', summary='min')\n"
        "    for epoch, loss in enumerate([3.0, 1.0, 2.0]):\n"
        "        run.log({'epoch': epoch, 'valid/loss': loss, 'plain': loss})\n"
    )
    summary = runs.get_run("r")["summary"]
    assert summary["valid/loss"] == {"min": 1.0}
    assert summary["plain"] == 2.0


def test_tags_notes_group_and_job_type_can_be_set_and_changed(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r', tags=['first'], group='fold-1', job_type='train',\n"
        "                notes='before') as run:\n"
        "    run.tags += ('second',)\n"
        "    run.notes = 'after'\n"
        "    run.name = 'renamed'\n"
        "    run.config.update({'late': 1})\n"
    )
    run = runs.get_run("r")
    assert run["tags"] == ["first", "second"]
    assert (run["group"], run["job_type"]) == ("fold-1", "train")
    assert (run["notes"], run["display_name"]) == ("after", "renamed")
    assert run["config"] == {"late": 1}


def test_a_run_without_a_name_is_given_one_that_people_can_say(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script("import wandb\nwandb.init(id='r').finish()\n")
    name = runs.get_run("r")["display_name"]
    assert name.count("-") == 2
    assert name != "r"


def test_console_lines_and_rewritten_progress_bars_arrive(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script(
        "import sys, wandb\n"
        "with wandb.init(id='r'):\n"
        "    print('hello')\n"
        "    for percent in (10, 50, 100): print(f'\\rprogress {percent}%', end='', flush=True)\n"
        "    print()\n"
        "    print('to stderr ✓', file=sys.stderr)\n"
    )
    lines = [line for line in runs.list_logs("r") if line.strip()]
    assert lines == ["hello", "progress 100%", "to stderr ✓"]


def test_numbers_that_json_cannot_say_survive(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    for value in (1.0, float('nan'), float('inf'), float('-inf'), 1e300, 2**53 + 1):\n"
        "        run.log({'value': value})\n"
    )
    values = [row["value"] for row in runs.list_history("r")]
    assert values[1:4] == ["NaN", "Infinity", "-Infinity"]
    assert values[0] == 1.0
    assert math.isclose(values[4], 1e300)
    assert values[5] == 2**53 + 1


def test_strings_nested_values_and_histograms_are_kept_whole(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    run.log({'text': 'ünï', 'deep': {'a': {'b': 1}, 'c': [1, 2]}, 'flag': True,\n"
        "             'none': None, 'h': wandb.Histogram([1, 2, 3], num_bins=2)})\n"
    )
    (row,) = runs.list_history("r")
    assert row["text"] == "ünï"
    assert row["deep"] == {"a": {"b": 1}, "c": [1, 2]}
    assert row["flag"] is True
    assert row["h"]["_type"] == "histogram"
    assert sum(row["h"]["values"]) == 3


def test_tables_media_and_code_neither_hang_nor_fail_a_run(
    client: OfficialClient, runs: RunReader
) -> None:
    (client.home / "train.py").write_text("print('code')\n")
    client.run_script(
        "import numpy, wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    run.log_code('.')\n"
        "    run.log({'table': wandb.Table(columns=['x', 'y'], data=[[1, 'a'], [2, 'b']])})\n"
        "    run.log({'page': wandb.Html('<b>hi</b>'), 'loss': 1.0})\n"
    )
    run = runs.get_run("r")
    assert run["state"] == "finished"
    assert run["summary"]["loss"] == 1.0
    assert any(name.startswith("media/html/") for name in runs.list_files("r"))
    assert runs.list_history("r")[0]["table"]["_type"] == "table-file"


def test_five_thousand_keys_in_one_run_are_all_there(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='r') as run:\n"
        "    for step in range(3): run.log({f'k{i:04d}': i + step for i in range(5000)})\n"
    )
    rows = runs.list_history("r")
    assert len(rows) == 3
    assert [rows[2][f"k{i:04d}"] for i in (0, 2500, 4999)] == [2, 2502, 5001]


def test_system_metrics_are_sampled_by_themselves(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(
        "import time, wandb\nwith wandb.init(id='r'): time.sleep(3)\n",
        WANDB__STATS_SAMPLING_INTERVAL="1",
    )
    rows = runs.list_history("r", stream="system")
    keys = {key for row in rows for key in row}
    assert any(key.startswith("system.cpu") for key in keys), sorted(keys)
    assert any("memory" in key for key in keys)

from __future__ import annotations

from pathlib import Path

from steelyard.sdk.capture.gpu_amd import open_amd


def add_card(root: Path, number: int, *, vendor: str = "0x1002", **files: str) -> Path:
    """A card as the kernel shows it; `hwmon__x` is a file of its sensors."""
    device = root / f"card{number}" / "device"
    (device / "hwmon/hwmon3").mkdir(parents=True)
    for name, content in {"vendor": vendor, **files}.items():
        folder = device / "hwmon/hwmon3" if name.startswith("hwmon__") else device
        (folder / name.removeprefix("hwmon__")).write_text(content + "\n")
    return device


def test_reads_a_card(tmp_path: Path) -> None:
    add_card(
        tmp_path,
        0,
        device="0x740c",
        gpu_busy_percent="97",
        mem_busy_percent="40",
        mem_info_vram_total="1000",
        mem_info_vram_used="250",
        product_name="AMD INSTINCT MI250",
        unique_id="719d230578348e8c",
        hwmon__temp1_label="edge",
        hwmon__temp1_input="41000",
        hwmon__temp3_label="mem",
        hwmon__temp3_input="43500",
        hwmon__power1_average="89000000",
        hwmon__power1_cap="560000000",
    )
    gpus = open_amd(None, tmp_path)
    assert gpus is not None
    assert gpus.sample(set()) == {
        "gpu.0.gpu": 97,
        "gpu.0.memoryReadWriteActivity": 40,
        "gpu.0.memoryAllocatedBytes": 250,
        "gpu.0.memoryAllocated": 25.0,
        "gpu.0.temp": 43.5,
        "gpu.0.powerWatts": 89.0,
        "gpu.0.powerPercent": 89 / 560 * 100,
    }
    described = gpus.describe()
    assert described["gpu"] == "AMD INSTINCT MI250" and described["gpu_count"] == 1
    assert described["gpu_amd"][0]["memoryTotal"] == 1000


def test_what_a_card_does_not_show_is_left_out(tmp_path: Path) -> None:
    add_card(tmp_path, 0, device="0x74a1", mem_info_vram_total="1000", gpu_busy_percent="")
    gpus = open_amd(None, tmp_path)
    assert gpus is not None
    assert gpus.sample(set()) == {}
    assert gpus.describe()["gpu"] == "AMD GPU 0x74a1"


def test_newer_cards_tell_the_power_of_now(tmp_path: Path) -> None:
    add_card(tmp_path, 0, mem_info_vram_total="1", hwmon__power1_input="1500000")
    gpus = open_amd(None, tmp_path)
    assert gpus is not None and gpus.sample(set())["gpu.0.powerWatts"] == 1.5


def test_cards_are_counted_in_order_without_those_of_others(tmp_path: Path) -> None:
    add_card(tmp_path, 0, vendor="0x8086", mem_info_vram_total="1")
    for number in (10, 2):
        busy = str(number)
        add_card(tmp_path, number, mem_info_vram_total="1", gpu_busy_percent=busy)
    (tmp_path / "card2-DP-1").mkdir()
    gpus = open_amd(None, tmp_path)
    assert gpus is not None
    sample = gpus.sample(set())
    assert (sample["gpu.0.gpu"], sample["gpu.1.gpu"]) == (2, 10)
    chosen = open_amd([1], tmp_path)
    assert chosen is not None and set(chosen.sample(set())) == {"gpu.1.gpu"}


def test_machines_without_cards_have_none(tmp_path: Path) -> None:
    assert open_amd(None, tmp_path) is None
    assert open_amd(None, tmp_path / "gone") is None

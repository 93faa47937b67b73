"""What is named as the difference of two runs."""

from __future__ import annotations

from steelyard.server.rooms.artifacts.causes import diff_metrics


def test_metrics_differ_by_numbers_and_texts_not_by_the_files_of_media() -> None:
    image = {"_type": "image-file", "path": "media/images/a.png", "sha256": "1"}
    before = {"loss": 2.0, "note": "a", "eval": {"f1": 0.5, "image": image}, "_step": 1}
    after = {
        "loss": 1.5,
        "note": "b",
        "eval": {"f1": 0.5, "image": image | {"sha256": "2"}},
        "weights": {"_type": "histogram", "bins": [0, 1], "values": [3]},
        "_step": 2,
    }
    found = [
        (each.key, each.before, each.after, each.delta) for each in diff_metrics(before, after)
    ]
    assert found == [("loss", 2.0, 1.5, -0.5), ("note", "a", "b", None)]

"""Media series, small pictures and pages over the REST API, on both databases."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject
from tests.support.table_files import make_png, path_of, put_file


@pytest.fixture
def project(shared_server: ThrowawayServer) -> ApiProject:
    return ApiProject(shared_server)


def image(path: str, **more: Any) -> dict[str, Any]:
    return {"_type": "image-file", "path": path, "format": "png", "width": 4, "height": 2, **more}


def fetch(project: ApiProject, url: str, **headers: str) -> Any:
    """Whoever has the URL gets the answer: no key is sent."""
    return project.server.request("GET", path_of(url), key="", headers=headers)


def media_at(project: ApiProject, key: str, step: int, **more: Any) -> dict[str, Any]:
    found = project.call("POST", "media:at", {"key": key, "step": step, **more})
    return {run["run"]: run for run in found["runs"]}


def test_keys_with_media_are_listed_with_their_steps(project: ApiProject) -> None:
    histogram = {"_type": "histogram", "bins": [0, 1, 2], "values": [3, 4]}
    table = {"_type": "table-file", "path": "media/table/t.table.json", "ncols": 1, "nrows": 2}
    project.add_run(
        "a",
        [
            {"_step": 0, "loss": 1.0, "pic": image("media/images/0.png"), "note": "text"},
            {"_step": 5, "h": histogram, "eval": {"table": table}},
            {"_step": 9, "pic": image("media/images/9.png"), "mixed": [image("m.png"), histogram]},
        ],
    )
    project.add_run("b", [{"_step": 7, "pic": image("media/images/7.png"), "words": ["a", "b"]}])
    page = project.call("POST", "media:query", {})
    found = {key["key"]: (key["kind"], key["steps"], key["run_count"]) for key in page["items"]}
    assert found == {
        "eval.table": ("table", [5], 1),
        "h": ("histogram", [5], 1),
        "mixed": ("image", [9], 1),
        "pic": ("image", [0, 7, 9], 2),
    }
    assert page["total"] == 4
    first = project.call("POST", "media:query", {"limit": 3})
    rest = project.call("POST", "media:query", {"limit": 3, "cursor": first["next_cursor"]})
    assert [key["key"] for key in rest["items"]] == ["pic"] and rest["next_cursor"] is None
    some = project.call("POST", "media:query", {"runs": ["b"], "keys": ["pic", "h"]})
    assert [(key["key"], key["steps"]) for key in some["items"]] == [("pic", [7])]


def test_each_run_shows_its_nearest_earlier_step(project: ApiProject) -> None:
    project.add_run("a", [{"_step": s, "pic": image(f"media/images/{s}.png")} for s in (0, 4, 8)])
    project.add_run("b", [{"_step": 6, "pic": image("media/images/b.png", caption="cat")}])
    project.add_run("c", [{"_step": 1, "loss": 1.0}])
    put_file(project, "a", "media/images/4.png", make_png(4, 2))
    found = media_at(project, "pic", 7)
    assert {name: run["step"] for name, run in found.items()} == {"a": 4, "b": 6}
    (item,) = found["b"]["items"]
    assert (item["kind"], item["caption"], item["path"]) == ("image", "cat", "media/images/b.png")
    assert item["about"] == {"format": "png", "width": 4, "height": 2}
    shown = fetch(project, found["a"]["items"][0]["url"])
    assert shown.status == 200 and shown.data == make_png(4, 2)
    assert fetch(project, item["url"]).status == 404, "its file has not arrived"
    assert set(media_at(project, "pic", 4, exact=True)) == {"a"}
    assert media_at(project, "pic", -1) == {}


def test_the_runs_of_a_key_come_in_pages(project: ApiProject) -> None:
    for name in ("a", "b", "c", "d"):
        key = "loss" if name == "b" else "pic"
        project.add_run(name, [{"_step": 0, key: image(f"{name}.png") if key == "pic" else 1.0}])
    names = ["d", "c", "b", "a"]

    def ask(**more: Any) -> tuple[list[str], int]:
        found = project.call("POST", "media:at", {"key": "pic", "step": 0, "runs": names, **more})
        return [run["run"] for run in found["runs"]], found["total"]

    assert ask() == (["d", "c", "a"], 3)
    assert ask(limit=2) == (["d", "c"], 3)
    assert ask(limit=2, offset=2) == (["a"], 3)
    assert ask(offset=3) == ([], 3)
    path = f"/api/v1/{project.entity}/{project.name}/media:at"
    asked = {"key": "pic", "step": 0, "limit": 201}
    refused = project.server.request("POST", path, content=asked)
    assert refused.status == 400 and "limit must be 1…200" in refused.data.decode()


def test_a_value_written_again_shows_as_it_was_written_last(project: ApiProject) -> None:
    project.add_run("a", [{"_step": 3, "pic": image("old.png")}])
    project.send("a", [{"_step": 3, "pic": image("new.png")}], offset=1)
    assert media_at(project, "pic", 3)["a"]["items"][0]["path"] == "new.png"


def test_lists_of_media_are_items_with_boxes_masks_and_classes(project: ApiProject) -> None:
    mask = {"_type": "mask", "path": "media/images/mask/m.mask.png"}
    boxes = {"_type": "boxes2D", "path": "media/metadata/boxes2D/b.boxes2D.json"}
    value = {
        "_type": "images/separated",
        "width": 4,
        "height": 2,
        "format": "png",
        "count": 2,
        "filenames": ["media/images/x.png", "media/images/y.png"],
        "captions": ["one", None],
        "all_masks": [None, {"truth": mask}],
        "all_boxes": [{"found": boxes}, None],
    }
    labels = {"pic_wandb_delimeter_truth": {"type": "mask/class_labels", "value": {"1": "cat"}}}
    config = {"_wandb": {"mask/class_labels": labels}}
    project.add_run("a", [{"_step": 0, "pic": value}], config=config)
    one, two = media_at(project, "pic", 0)["a"]["items"]
    assert (one["caption"], two["caption"]) == ("one", None)
    assert one["boxes"]["found"]["url"] and one["masks"] == {}
    assert two["masks"]["truth"]["classes"] == {"1": "cat"}
    put_file(project, "a", mask["path"], make_png(4, 2))
    assert fetch(project, two["masks"]["truth"]["url"]).status == 200


def test_a_table_in_history_is_named_so_that_it_can_be_asked(project: ApiProject) -> None:
    path = "media/table/eval/t_0.table.json"
    value = {"_type": "table-file", "path": path, "ncols": 1, "nrows": 1}
    value["artifact_path"] = "wandb-client-artifact://nobody-knows-this/eval.table.json"
    project.add_run("a", [{"_step": 0, "eval/t": value}])
    put_file(project, "a", path, b'{"columns": ["x"], "data": [[1]]}')
    (item,) = media_at(project, "eval/t", 0)["a"]["items"]
    assert item["table_refs"] == [f"run:{project.entity}/{project.name}/a/{path}"]
    page = project.server.call(
        "POST", "/api/v1/tables:query", content={"ref": item["table_refs"][0]}
    )
    assert page["rows"] == [[1]]


# ---- small pictures and pages


def put_image(project: ApiProject, name: str, content: bytes) -> dict[str, Any]:
    run = f"run-{name.replace('/', '-')}"
    project.add_run(run, [{"_step": 0, "pic": image(name)}])
    put_file(project, run, name, content)
    found: dict[str, Any] = media_at(project, "pic", 0, runs=[run])[run]["items"][0]
    return found


def test_a_picture_comes_in_three_sizes_and_is_never_enlarged(project: ApiProject) -> None:
    item = put_image(project, "big.png", make_png(2000, 1000))
    sizes = {}
    for size in (64, 256, 1024):
        answer = fetch(project, f"{item['thumbnail_url']}&size={size}")
        assert answer.status == 200 and answer.headers["content-type"] == "image/webp"
        assert "sandbox" in answer.headers["content-security-policy"]
        sizes[size] = Image.open(io.BytesIO(answer.data)).size
    assert sizes == {64: (64, 32), 256: (256, 128), 1024: (1024, 512)}
    again = fetch(project, item["thumbnail_url"], **{"If-None-Match": answer.headers["etag"]})
    assert again.status == 200, "another size is another picture"
    same = fetch(
        project, f"{item['thumbnail_url']}&size=1024", **{"If-None-Match": answer.headers["etag"]}
    )
    assert same.status == 304
    small = put_image(project, "small.png", make_png(3, 2, (10, 20, 30, 128), "RGBA"))
    shown = Image.open(io.BytesIO(fetch(project, small["thumbnail_url"]).data))
    assert shown.size == (3, 2) and shown.getpixel((0, 0)) == (10, 20, 30, 128)


def test_a_picture_is_turned_as_its_camera_held_it(project: ApiProject) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    item = put_image(project, "turned.jpg", file.getvalue())
    assert Image.open(io.BytesIO(fetch(project, item["thumbnail_url"]).data)).size == (20, 40)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("broken.png", b"\x89PNG\r\n\x1a\nnothing", "no picture"),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        ("empty.png", b"", "empty"),
        ("bomb.png", make_png(20_000, 20_000, 0, "1"), "THUMBNAIL_PIXELS_MAX"),
    ],
)
def test_what_is_no_picture_is_refused(
    project: ApiProject, name: str, content: bytes, told: str
) -> None:
    answer = fetch(project, put_image(project, name, content)["thumbnail_url"])
    assert answer.status == 400 and told in answer.data.decode()


def test_pages_are_shown_in_a_sandbox_only(project: ApiProject) -> None:
    value = {"_type": "html-file", "path": "media/html/p.html"}
    project.add_run("a", [{"_step": 0, "page": value, "svg": image("d.svg")}])
    put_file(project, "a", "media/html/p.html", b"<script>alert(1)</script>")
    put_file(project, "a", "d.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    page = media_at(project, "page", 0)["a"]["items"][0]
    shown = fetch(project, page["page_url"])
    assert shown.status == 200 and shown.headers["content-type"].startswith("text/html")
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;") and "default-src 'none'" in policy
    assert "allow-same-origin" not in policy and "connect-src" not in policy
    drawing = media_at(project, "svg", 0)["a"]["items"][0]
    assert drawing["thumbnail_url"] is None
    policy = fetch(project, drawing["page_url"]).headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    plain = fetch(project, page["url"])
    assert plain.headers["content-disposition"].startswith("attachment")


def test_a_changed_link_shows_nothing(project: ApiProject) -> None:
    item = put_image(project, "mine.png", make_png(4, 4))
    url = item["thumbnail_url"]
    assert fetch(project, url).status == 200
    assert fetch(project, url.replace("mine.png", "other.png")).status == 403
    assert fetch(project, url.replace("thumbnail?", "page?")).status == 403
    assert fetch(project, url.replace("signature=", "signature=A")).status == 403

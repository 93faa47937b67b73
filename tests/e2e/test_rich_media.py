"""Figures, things in space and molecules that the official client logs, as people turn them."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Product, Visitor, make_client

# A figure of two kinds of traces, a cloud of categories with boxes, a model, a molecule, and of the
# first three something broken.
LOGGED = """
import json, math, numpy, wandb
import plotly.graph_objects as go
corner = [[0, 0, 0], [4, 0, 0], [0, 2, 0], [0, 0, 1], [4, 2, 0], [4, 0, 1], [0, 2, 1], [4, 2, 1]]
box = {"corners": corner, "label": "car", "score": 0.9, "color": [255, 0, 0]}
turns = numpy.linspace(0, 20, 600)
spiral = numpy.stack([numpy.cos(turns), numpy.sin(turns), turns / 10, 1 + turns // 7], 1)
atoms = "".join(
    f"{2 * math.cos(k):10.4f}{2 * math.sin(k):10.4f}{0:10.4f} {'CNO'[k % 3]}   0  0\\n"
    for k in range(6)
)
bonds = "".join(f"{k + 1:3d}{(k + 1) % 6 + 1:3d}  1  0\\n" for k in range(6))
head = "ring\\n  test\\n\\n  6  6  0  0  0  0            999 V2000\\n"
open("ring.sdf", "w").write(head + atoms + bonds + "M  END\\n$$$$\\n")
open("pyramid.obj", "w").write(
    "v -1 0 -1\\nv 1 0 -1\\nv 1 0 1\\nv -1 0 1\\nv 0 2 0\\nf 1 2 5\\nf 2 3 5\\nf 3 4 5\\nf 4 1 5\\n"
)
open("broken.glb", "w").write("no model")
figure = go.Figure([go.Bar(y=[1, 3, 2]), go.Scatter(y=[2, 1, 3])])
broken = wandb.Plotly(figure)
open(broken._path, "w").write(json.dumps({"data": 3}))
with wandb.init(id="rich") as run:
    run.log({
        "figure": wandb.Plotly(figure),
        "broken/figure": broken,
        "points": wandb.Object3D({
            "type": "lidar/beta", "points": spiral, "boxes": numpy.array([box]),
            "vectors": numpy.array([]),
        }),
        "pyramid": wandb.Object3D("pyramid.obj"),
        "broken/model": wandb.Object3D("broken.glb"),
        "ring": wandb.Molecule("ring.sdf"),
    })
"""

#: Whether pressing the left arrow changes what the canvas that has the focus shows, within so many
#: frames.
TURNED = """new Promise((resolve) => {
    const canvas = document.activeElement;
    const before = canvas.toDataURL();
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    let frames = 0;
    const look = () => {
        if (canvas.toDataURL() !== before) resolve(true);
        else if (++frames > 300) resolve(false);
        else requestAnimationFrame(look);
    };
    look();
})"""


@pytest.fixture(scope="session")
def logged(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the charts of a run that logged all of it; look, do not change."""
    home = tmp_path_factory.mktemp("rich")
    make_client(home, product.server, "rich").run_script(LOGGED)
    return f"/{product.entity}/rich/runs/rich/charts"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_is_drawn_by_plotly_where_it_reaches_nothing(
    logged: str, visitor: Visitor, scheme: str
) -> None:
    page = visitor(scheme=scheme)
    page.goto(f"{logged}?panels=figure")
    panel = page.at("region", "figure")
    frame = panel.at("title", "/Plotly figure of bar, scatter$/").see()
    assert frame.attribute("sandbox") == "allow-scripts"
    reached = page.evaluate(
        "(() => { try { return document.querySelector('iframe').contentDocument } "
        "catch { return null } })()"
    )
    assert reached is None
    page.at("region", "broken/figure").at(
        "text", '/is not drawn. Its file has no list "data"/'
    ).see()
    assert page.find_accessibility_problems() == []


def test_points_and_boxes_are_turned_by_keys_and_shown_large(logged: str, visitor: Visitor) -> None:
    page = visitor(scheme="dark")
    page.goto(f"{logged}?panels=points")
    panel = page.at("region", "points")
    drawing = panel.at("img", "/600 points, 1 box/")
    drawing.do("waitForAttribute", name="data-drawn")
    assert panel.at("list", "Categories").at("listitem").count == 3
    drawing.focus()
    assert page.evaluate(TURNED)
    assert page.find_accessibility_problems() == []
    panel.at("button", "/^Enlarge /").click()
    large = page.at("dialog").at("img", "/600 points, 1 box/")
    large.do("waitForAttribute", name="data-drawn")
    page.press("Escape")
    page.at("dialog").vanish()


def test_models_and_molecules_are_drawn_and_broken_ones_offered(
    logged: str, visitor: Visitor
) -> None:
    page = visitor()
    page.goto(f"{logged}?panels=/pyramid|ring|broken.model/")
    pyramid = page.at("region", "pyramid").at("img", "/: 4 triangles/")
    pyramid.do("waitForAttribute", name="data-drawn")
    ring = page.at("region", "ring")
    ring.at("img", "/molecule of 6 atoms: C 2, N 2, O 2/").do("waitForAttribute", name="data-drawn")
    ring.at("label", "Drawn as").do("select", option="spheres")
    ring.at("button", "Zoom in").click()
    broken = page.at("region", "broken/model")
    broken.at("text", "This is not drawn. The file is no glTF.").see()
    broken.at("link", "/glb/").see()
    assert page.find_accessibility_problems() == []

import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { MediaItem, MediaKey, MediaQuery } from "~/api/types";
import { FakeServer, openPage, problem } from "~/testing/page";
import MediaBoard from "./MediaBoard";

const RUNS = [
  { name: "run-1", displayName: "brisk", color: "#436cc8" },
  { name: "run-2", displayName: "calm", color: "#f95801" },
];
const MANY = Array.from({ length: 57 }, (_, i) => ({
  name: `run-${i + 1}`,
  displayName: `many ${i + 1}`,
  color: "#436cc8",
}));
const KEYS: MediaKey[] = [
  { key: "samples", kind: "image", run_count: 2, step_count: 3, steps: [0, 10, 20] },
  { key: "drawing", kind: "bokeh", run_count: 1, step_count: 1, steps: [20] },
  { key: "curve_table", kind: "table", run_count: 2, step_count: 1, steps: [20] },
];

function makeItem(kind: MediaItem["kind"], about: Partial<MediaItem> = {}): MediaItem {
  return {
    kind,
    type: `${kind}-file`,
    path: `media/${kind}`,
    url: `http://test/storage/${kind}`,
    thumbnail_url: `http://test/api/v1/previews/thumbnail?name=${kind}`,
    page_url: null,
    caption: null,
    boxes: {},
    masks: {},
    table_refs: [],
    about: {},
    ...about,
  };
}

const BOX = {
  position: { minX: 0, maxX: 0.5, minY: 0, maxY: 0.5 },
  class_id: 1,
  box_caption: "a cat",
};

function answerAt({ key, step, offset = 0, limit }: MediaQuery) {
  const items = (at: number): MediaItem[] => {
    if (key === "drawing") return [makeItem("bokeh")];
    if (key === "curve_table")
      return [makeItem("table", { table_refs: ["run:acme/mnist/run-1/curve"] })];
    const boxes = { found: { box_data: [BOX] } };
    return [
      makeItem("image", { caption: `picture of ${at}`, boxes, about: { width: 4, height: 3 } }),
    ];
  };
  // The second run logged its last picture at step 10.
  const early = Math.min(10, step);
  const runs = [
    { run: "run-1", step, items: items(step) },
    { run: "run-2", step: early, items: items(early) },
  ];
  if (key === "of many") {
    const all = MANY.map(({ name }) => ({ run: name, step, items: items(step) }));
    return { key, step, total: all.length, runs: all.slice(offset, offset + (limit ?? 200)) };
  }
  return { key, step, total: runs.length, runs };
}

const CHART = {
  panel_config: {
    panelDefId: "wandb/line/v0",
    fieldSettings: { x: "x", y: "y" },
    stringSettings: { title: "Squares" },
  },
};

let server: FakeServer;

beforeEach(() => {
  const columns = ["x", "y"].map((name) => ({ name, type: "number" }));
  server = new FakeServer()
    .on("POST /api/v1/acme/mnist/media:query", () => ({ items: KEYS, next_cursor: null, total: 3 }))
    .on("POST /api/v1/acme/mnist/media:at", ({ body }) => answerAt(body as MediaQuery))
    .on("POST /api/v1/acme/mnist/runs:query", () => ({
      items: [{ name: "run-1", columns: { "config._wandb.visualize": { curve: CHART } } }],
      next_cursor: null,
      total: 1,
    }))
    .on("POST /api/v1/tables:query", () => ({
      ...{
        columns,
        rows: [
          [0, 0],
          [1, 1],
          [2, 4],
        ],
        row_ids: [0, 1, 2],
      },
      ...{ total: 3, total_unfiltered: 3, cut: [] },
    }))
    .install();
});
afterEach(() => vi.unstubAllGlobals());

function open(search = "", runs = RUNS) {
  const collapse = vi.fn();
  const board = (
    <MediaBoard
      {...{ entity: "acme", project: "mnist", runs, revision: 0, search }}
      collapsed={[]}
      onCollapse={collapse}
    />
  );
  return { ...openPage(board, { path: "/" }), collapse };
}

const findPanel = async (name: string) => within(await screen.findByRole("region", { name }));

it("shows runs beside each other at a step, each what it had then", async () => {
  open();
  const panel = await findPanel("samples");
  await panel.findByRole("button", { name: "Enlarge picture of 20" });
  const calm = within(panel.getByRole("group", { name: "calm" }));
  expect(calm.getByText("of step 10")).toBeVisible();
  const slider = panel.getByRole("slider", { name: "Step of samples" });
  slider.focus();
  // jsdom moves no slider by keys.
  fireEvent.change(slider, { target: { value: "0" } });
  expect(await panel.findAllByRole("button", { name: "Enlarge picture of 0" })).toHaveLength(2);
  expect(slider).toHaveAttribute("aria-valuetext", "step 0");
});

it("plays from the first step to the last", async () => {
  open();
  const panel = await findPanel("samples");
  await panel.findByRole("button", { name: "Enlarge picture of 20" });
  await userEvent.click(panel.getByRole("button", { name: "Play samples" }));
  await waitFor(() => expect(panel.getByRole("slider")).toHaveValue("0"));
  expect(await panel.findByRole("button", { name: "Enlarge picture of 20" })).toBeVisible();
});

it("draws boxes over pictures, until they are switched off", async () => {
  open();
  const panel = await findPanel("samples");
  expect(await panel.findAllByTitle("a cat")).toHaveLength(2);
  await userEvent.click(panel.getByRole("button", { name: "Boxes", pressed: true }));
  expect(panel.queryByTitle("a cat")).toBeNull();
  await userEvent.click(panel.getByRole("button", { name: "Enlarge picture of 20" }));
  const dialog = within(await screen.findByRole("dialog", { name: "picture of 20" }));
  expect(dialog.getByRole("img")).toHaveAttribute("src", "/storage/image");
  expect(dialog.getByText("a cat")).toBeVisible();
});

it("draws charts from their tables, and offers what it cannot draw for download", async () => {
  open();
  const chart = await findPanel("curve_table");
  expect(
    await chart.findAllByRole("figure", { name: /^Squares: y over x: 1 line, 3 points/ }),
  ).toHaveLength(2);
  const bokeh = await findPanel("drawing");
  expect(await bokeh.findAllByRole("link", { name: /bokeh/ })).toHaveLength(2);
});

it("pages through all runs that have something, and says how many there are", async () => {
  const key = { key: "of many", kind: "image", run_count: 57, step_count: 1, steps: [3] };
  server.on("POST /api/v1/acme/mnist/media:query", () => ({
    items: [key],
    next_cursor: null,
    total: 1,
  }));
  open("", MANY);
  const panel = await findPanel("of many");
  await panel.findByRole("group", { name: "many 24" });
  const pages = within(panel.getByRole("group", { name: "Runs of of many" }));
  expect(pages.getByText("runs 1–24 of 57")).toBeVisible();
  expect(pages.getByRole("button", { name: /Previous/ })).toBeDisabled();
  await userEvent.click(pages.getByRole("button", { name: /Next/ }));
  await panel.findByRole("group", { name: "many 25" });
  await userEvent.click(pages.getByRole("button", { name: /Next/ }));
  await panel.findByRole("group", { name: "many 57" });
  expect(pages.getByText("runs 49–57 of 57")).toBeVisible();
  expect(pages.getByRole("button", { name: /Next/ })).toBeDisabled();
});

it("offers what a viewer does not draw for download, with its size and why", async () => {
  const key = { key: "large", kind: "plotly", run_count: 1, step_count: 1, steps: [0] };
  const item = makeItem("plotly", { path: "media/plotly/a.json", about: { size: 50 << 20 } });
  server
    .on("POST /api/v1/acme/mnist/media:query", () => ({
      items: [key],
      next_cursor: null,
      total: 1,
    }))
    .on("POST /api/v1/acme/mnist/media:at", () => ({
      ...{ key: "large", step: 0, total: 1 },
      runs: [{ run: "run-1", step: 0, items: [item] }],
    }));
  open();
  const panel = await findPanel("large");
  expect(await panel.findByText(/larger than the 25\.0 MB that are drawn here/)).toBeVisible();
  expect(panel.getByRole("link", { name: "a.json" })).toHaveAttribute("href", "/storage/plotly");
});

it("is filtered with the other panels, and folds", async () => {
  const { collapse } = open("sampl");
  await findPanel("samples");
  expect(screen.queryByRole("region", { name: "drawing" })).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: /^Media/ }));
  expect(collapse).toHaveBeenCalledWith(["Media"]);
});

it("says what could not be read", async () => {
  server.on("POST /api/v1/acme/mnist/media:at", () => problem(400, "invalid", "No such step."));
  open("samples");
  expect(await screen.findByText("No such step.")).toBeVisible();
});

it("has no accessibility problems", async () => {
  const { container } = open();
  await (await findPanel("samples")).findByRole("button", { name: "Enlarge picture of 20" });
  const { violations } = await axe.run(container, {
    rules: { region: { enabled: false }, "heading-order": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

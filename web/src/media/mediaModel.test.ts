import { describe, expect, it } from "vitest";

import { binValues, listTicks } from "../charts/plots/plotModel";
import { makePlot, readCustomCharts } from "./customCharts";
import { readBoxes, readCellMedia } from "./items";
import { colorMask } from "./layers";

describe("boxes", () => {
  it("lie where they were logged, by corners or middle, in shares or pixels", () => {
    const corners = { position: { minX: 0.1, maxX: 0.5, minY: 0.2, maxY: 0.4 }, class_id: 1 };
    const middle = {
      position: { middle: [50, 20], width: 20, height: 10 },
      domain: "pixel",
      scores: { conf: 0.51234 },
      class_id: 2,
    };
    const found = readBoxes(
      { box_data: [corners, middle, { position: {} }] },
      { 1: "cat" },
      { width: 100, height: 50 },
    );
    expect(found).toEqual([
      { x: 0.1, y: 0.2, width: 0.4, height: 0.2, classId: 1, label: "cat" },
      { x: 0.4, y: 0.3, width: 0.2, height: 0.2, classId: 2, label: "class 2 conf 0.512" },
    ]);
  });
});

it("a mask gets a colour for each class, and none for class 0", () => {
  const pixels = new Uint8ClampedArray([0, 0, 0, 255, 2, 2, 2, 255]);
  expect(colorMask(pixels)).toEqual([0, 2]);
  expect([pixels[3], (pixels[7] ?? 0) > 0]).toEqual([0, true]);
});

it("cells are media only when they name a file", () => {
  expect(readCellMedia({ _type: "image-file", path: "a.png", url: "/a" })?.kind).toBe("image");
  expect(readCellMedia({ a: 1 })).toBeNull();
  expect(readCellMedia("text")).toBeNull();
});

describe("charts of scripts", () => {
  const visualize = {
    roc: {
      panel_type: "Vega2",
      panel_config: {
        panelDefId: "wandb/area-under-curve/v0",
        fieldSettings: { x: "fpr", y: "tpr", class: "class" },
        stringSettings: { title: "ROC" },
        userQuery: {
          queryFields: [{ fields: [{ args: [{ name: "tableKey", value: "roc_table" }] }] }],
        },
      },
    },
  };

  it("are found with their table and columns", () => {
    const [chart] = readCustomCharts(visualize);
    expect(chart).toMatchObject({ key: "roc", tableKey: "roc_table", title: "ROC" });
    const columns = ["class", "fpr", "tpr"].map((name) => ({ name, type: "number" as const }));
    const rows = [
      ["cat", 0, 0],
      ["dog", 0, 0.5],
      ["cat", 1, 1],
    ];
    expect(chart && makePlot(chart, { columns, rows })).toMatchObject({
      kind: "lines",
      lines: [
        {
          name: "cat",
          points: [
            [0, 0],
            [1, 1],
          ],
        },
        { name: "dog", points: [[0, 0.5]] },
      ],
    });
    expect(chart && makePlot(chart, { columns: [], rows: [] })).toBeNull();
  });

  it("that are broken are passed over", () => {
    expect(readCustomCharts({ a: null, b: { panel_config: {} } })).toEqual([]);
    expect(readCustomCharts(undefined)).toEqual([]);
  });
});

it("bins hold every finite value, and ticks lie within the range", () => {
  const values = [1, 2, 2, 3, Number.NaN, Number.POSITIVE_INFINITY, -7.5];
  const { edges, counts } = binValues(values);
  expect(counts.reduce((a, b) => a + b, 0)).toBe(5);
  expect(edges).toHaveLength(counts.length + 1);
  for (const [low, high] of [
    [0, 1],
    [-3.3, 12],
    [1e-9, 3e-9],
  ] as const) {
    for (const tick of listTicks(low, high)) {
      expect(tick).toBeGreaterThanOrEqual(low - 1e-12);
      expect(tick).toBeLessThanOrEqual(high * (1 + 1e-9) + 1e-12);
    }
  }
});

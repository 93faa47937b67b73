import { expect, test } from "vitest";
import type { RawTrialColumns } from "~/api/types";
import { joinColumns, type TrialColumns } from "../data";
import {
  axisOfMetricColumn,
  axisOfParameterColumn,
  type ChartAxis,
  findNearest,
  fromPixel,
  listStairs,
  makeScale,
  placePoints,
  rangeBetween,
  toPixel,
} from "./chartModel";
import { frontLines, progressLines } from "./comparisonModel";
import { listGains, sinceImprovement } from "./gainModel";
import { groupTrials } from "./groups";
import { edgesOf, makeGround } from "./surfaceDrawing";

function makeColumns(losses: readonly (number | null)[]): TrialColumns {
  const each = <T>(value: (i: number) => T) => losses.map((_, i) => value(i));
  const raw: RawTrialColumns = {
    config_version: 1,
    total: losses.length,
    next_cursor: null,
    index: each((i) => i + 10),
    run: each((i) => `run-${i}`),
    display_name: each(() => null),
    run_state: each(() => "finished"),
    state: each((i) => (i === 2 ? "stopped" : "finished")),
    attempts: each(() => 1),
    trial_config_version: each(() => 1),
    agent: each((i) => `agent-${i % 20}`),
    kind: each(() => "random"),
    reason: each(() => ""),
    expected_mean: each(() => null),
    expected_std: each(() => null),
    stop_reason: each(() => null),
    duration_s: each((i) => i + 1),
    created_at_us: each((i) => i),
    started_at_us: each((i) => i),
    ended_at_us: each((i) => (i + 1) * 1_000),
    parameters: [
      {
        name: "lr",
        kind: "number",
        scale: "log",
        distribution: "log_uniform_values",
        low: 1e-4,
        high: 1,
        values: [],
        cells: each((i) => 10 ** -(i % 5)),
      },
      {
        name: "kind",
        kind: "category",
        scale: "linear",
        distribution: "categorical",
        low: null,
        high: null,
        values: ["a", "b"],
        cells: each((i) => (i % 3 === 0 ? "a" : "b")),
      },
    ],
    metrics: [
      { name: "loss", goal: "minimize", target: null, expression: null, cells: [...losses] },
    ],
    outcomes: {},
    gpu_hours: each(() => null),
    tokens: each(() => null),
    usd: each(() => null),
    host: each(() => "here"),
    gpu: each(() => null),
    slurm_job: each(() => null),
    slurm_task: each(() => null),
  } as RawTrialColumns;
  return joinColumns([raw]);
}

const rowsOf = (columns: TrialColumns) => Int32Array.from({ length: columns.count }, (_, i) => i);

function axis(numbers: readonly number[], scale: ChartAxis["scale"] = "linear"): ChartAxis {
  return { label: "x", scale, numbers: Float64Array.from(numbers), labels: [], brush: null };
}

test.each([["linear"], ["log"]] as const)("a pixel of a %s scale is that of its value", (scale) => {
  const one = makeScale(axis([0.01, 1, 10], scale), Int32Array.from([0, 1, 2]), [], [60, 400]);
  for (const value of [0.02, 0.5, 9]) {
    expect(fromPixel(one, toPixel(one, value))).toBeCloseTo(value, 9);
  }
  expect(toPixel(one, 1e9)).toBe(400);
  for (const { value } of one.ticks) expect(value).toBeGreaterThanOrEqual(one.low);
});

test("values without a place are counted, and far ones are drawn at the edge", () => {
  const numbers = [...Array.from({ length: 40 }, (_, i) => i), Number.NaN, 1e9];
  const rows = Int32Array.from(numbers.keys());
  const x = makeScale(axis(numbers), rows, [], [0, 100]);
  const points = placePoints(rows, x, x);
  expect([points.missingCount, points.outsideCount]).toEqual([1, 1]);
  expect(x.high).toBeLessThan(50);
  expect(rangeBetween(x, 90, 100)[1]).toBe(1e9);
  const found = findNearest(points, points.xs[5] as number, points.ys[5] as number);
  expect(found).toBe(5);
  expect(findNearest(points, 50, 0, 3)).toBeNull();
});

test("a logarithm has no place for zero and below", () => {
  const rows = Int32Array.from([0, 1, 2]);
  const x = makeScale(axis([0, -1, 5], "log"), rows, [], [0, 100]);
  expect(placePoints(rows, x, x).missingCount).toBe(2);
});

test("no values at all still make a scale", () => {
  const none = makeScale(axis([]), new Int32Array(), [], [0, 100]);
  expect(none.high).toBeGreaterThan(none.low);
});

test("stairs of a front run along the better side of both goals", () => {
  const points = [
    [3, 1],
    [1, 3],
    [2, 2],
    [3, 3],
  ] as const;
  expect(listStairs(points, ["minimize", "minimize"])).toEqual([
    [1, 3],
    [2, 3],
    [2, 2],
    [3, 2],
    [3, 1],
  ]);
  expect(listStairs(points, ["maximize", "maximize"])).toEqual([[3, 3]]);
  expect(listStairs([], ["minimize", "maximize"])).toEqual([]);
});

test("gains are counted by blocks, from the first value on, and say how long nothing came", () => {
  const columns = makeColumns([null, 5, 4, 4, 4, 3, 9, 9, 9, 9]);
  const gains = listGains(columns, rowsOf(columns));
  expect(gains.map(({ to, best, gain }) => [to, best, gain]).slice(0, 5)).toEqual([
    [2, 5, 0],
    [3, 4, 1],
    [4, 4, 0],
    [5, 4, 0],
    [6, 3, 1],
  ]);
  expect(sinceImprovement(gains)).toBe(4);
  expect(sinceImprovement([])).toBeNull();
});

test("groups beyond twelve share a grey, and absent values are one", () => {
  const columns = makeColumns(Array.from({ length: 40 }, (_, i) => i));
  expect(groupTrials(columns, "", "light")).toBeNull();
  expect(groupTrials(columns, "parameter:gone", "light")).toBeNull();
  const kinds = groupTrials(columns, "parameter:kind", "dark");
  expect(kinds?.groups.map(({ label, count }) => [label, count])).toEqual([
    ["b", 26],
    ["a", 14],
  ]);
  const agents = groupTrials(columns, "agent", "light");
  expect(agents?.groups.length).toBe(13);
  expect(agents?.groups.at(-1)).toMatchObject({ label: "others", count: 16 });
  expect(agents?.colors.length).toBe(40);
});

test("axes know how the selection calls them", () => {
  const columns = makeColumns([1, 2]);
  const [lr, kind] = columns.parameters.map(axisOfParameterColumn);
  expect([lr?.brush, lr?.scale, kind?.scale]).toEqual(["parameter:lr", "log", "category"]);
  expect(axisOfMetricColumn(columns.metrics[0] as never).goal).toBe("minimize");
});

test("cells of a contour meet half-way and fill the chart", () => {
  const scale = makeScale(axis([0, 10]), Int32Array.from([0, 1]), [], [0, 100]);
  const edges = edgesOf([0, 5, 10], scale);
  expect(edges[0]?.[0]).toBe(0);
  expect(edges[2]?.[1]).toBe(100);
  expect(edges[0]?.[1]).toBe(edges[1]?.[0]);
  const turned = makeScale(axis([0, 10]), Int32Array.from([0, 1]), [], [100, 0]);
  expect(edgesOf([0, 5, 10], turned)[2]?.[0]).toBe(0);
});

test("the ground of a contour is the mean or half of its interval, with gaps", () => {
  const side = { name: "x", kind: "number", scale: "linear", values: [1, 2] } as const;
  const surface = {
    x: { ...side, values: [1, 2] },
    y: { ...side, values: [1, 2] },
    mean: [[1, null]],
    low: [[0, null]],
    high: [[4, null]],
    runs: 9,
    fitted: 9,
    explained: 1,
    note: "",
  };
  expect(makeGround(surface, false)).toEqual({ cells: [[1, null]], low: 1, high: 1 });
  expect(makeGround(surface, true).cells).toEqual([[2, null]]);
});

test("lines of compared sweeps are stairs, over trials or time", () => {
  const sweep = {
    name: "s",
    display_name: "first",
    method: "random",
    state: "finished",
    missing: [],
    ended: 3,
    hours: 3,
    run_hours: 6,
    best: [
      { ended: 1, hours: 1, run_hours: 2, value: 5, run: "a" },
      { ended: 3, hours: 3, run_hours: 6, value: 4, run: "b" },
    ],
    front: [{ run: "a", index: 0, values: [1, 2] }],
    hypervolume: 1,
    history: [],
  } as const;
  const copied = [{ ...sweep, missing: [], best: [...sweep.best], front: [], history: [] }];
  expect(progressLines(copied, "run_hours")[0]?.points).toEqual([
    [2, 5],
    [6, 5],
    [6, 4],
  ]);
  expect(frontLines(copied, [], 0, 1)[0]?.name).toBe("first (s)");
});

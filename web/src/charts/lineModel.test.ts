// @vitest-environment node
import { describe, expect, it } from "vitest";
import { decodeFrame } from "~/core/frame";
import { encodeFrame, type FrameParts } from "~/core/testing/encodeFrame";
import {
  buildLines,
  findFirstAtLeast,
  getGapWidth,
  type Line,
  type LineOptions,
  type PanelRun,
  readLine,
  readPoints,
  summarize,
} from "./lineModel";

const NO = Number.NaN;
const run = (name: string): PanelRun => ({ name, displayName: `run ${name}`, color: "#123456" });
const plain: LineOptions = {
  runs: [run("a"), run("b")],
  smoothing: 0,
  isLog: false,
  hasBand: true,
  range: null,
};
const frameOf = (parts: FrameParts) => decodeFrame(encodeFrame(parts).buffer);
const modelOf = (parts: FrameParts, options: Partial<LineOptions> = {}) =>
  buildLines(frameOf(parts), { ...plain, ...options });
const seriesOf = (values: number[]) => ({ grid: values.map((_, i) => i), series: { a: values } });
const lineOf = (model: { lines: Line[] }, name: string) =>
  model.lines.find((line) => line.run.name === name) as Line;

describe("lines of a frame", () => {
  it("connect the points a run has and never invent a zero where it has none", () => {
    const model = modelOf({
      grid: [0, 1, 2, 3, 4],
      series: { a: [5, NO, NO, 6, NO], b: [NO, 1, 2, NO, 3] },
    });
    expect([...lineOf(model, "a").x]).toEqual([0, 3]);
    expect([...lineOf(model, "a").y]).toEqual([5, 6]);
    expect([...lineOf(model, "b").breaks]).toEqual([1, 0, 0]);
    expect(model.y).toEqual([1, 6]);
  });

  it("are broken where NaN was logged in between, and mark it", () => {
    const parts = {
      ...seriesOf([1, NO, 3]),
      meta: { nonfinite: [[0, 1, "NaN", 4]] as [[number, number, "NaN", number]] },
    };
    const line = lineOf(modelOf(parts), "a");
    expect([...line.breaks]).toEqual([1, 1]);
    expect(line.marks).toEqual([{ x: 1, kind: "NaN", count: 4 }]);
  });

  it("are not broken by NaN in a bucket that also holds a number", () => {
    const parts = {
      ...seriesOf([1, 2, 3]),
      meta: { nonfinite: [[0, 1, "NaN", 1]] as [[number, number, "NaN", number]] },
    };
    expect([...lineOf(modelOf(parts), "a").breaks]).toEqual([1, 0, 0]);
  });

  it("put the first run of the list on top", () => {
    const model = modelOf({ grid: [0], series: { b: [1], a: [2] } });
    expect(model.lines.map((line) => line.run.name)).toEqual(["b", "a"]);
  });

  it("leave out runs that are not shown, without asking again", () => {
    const model = modelOf({ grid: [0], series: { b: [100], a: [2] } }, { runs: [run("a")] });
    expect(model.lines).toHaveLength(1);
    expect(model.y).toEqual([2, 2]);
  });

  it("take the height from the part in view", () => {
    expect(modelOf(seriesOf([100, 1, 2, 3, 50]), { range: [1, 3] }).y).toEqual([1, 3]);
  });

  it("have no height where a log axis shows nothing", () => {
    expect(modelOf(seriesOf([0, -1]), { isLog: true }).y).toBeNull();
    expect(modelOf(seriesOf([0, 0.1, 10]), { isLog: true }).y).toEqual([0.1, 10]);
  });

  it("include the envelope in the height only when it is shown", () => {
    const parts = { ...seriesOf([1, 2]), lo: [[0, 1]], hi: [[8, 9]], isExact: false };
    expect(modelOf(parts).y).toEqual([0, 9]);
    expect(modelOf(parts, { hasBand: false }).y).toEqual([1, 2]);
  });

  it("are decoded once per frame", () => {
    const frame = frameOf(seriesOf([1, 2]));
    expect(readPoints(frame)).toBe(readPoints(frame));
  });
});

describe("holes in the data", () => {
  const even = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

  it("are seen when the run paused once", () => {
    const x = Float64Array.from([...even(0, 50), ...even(1000, 50)]);
    expect(getGapWidth(x)).toBeLessThan(951);
  });

  it("are not seen in the regular pauses of an evaluation each epoch", () => {
    const x = Float64Array.from(even(0, 10).flatMap((epoch) => even(epoch * 500, 20)));
    expect(getGapWidth(x)).toBeGreaterThan(481);
  });

  it("are not seen in steps that grow", () => {
    const x = Float64Array.from(even(0, 60), (i) => 1.3 ** i);
    expect(getGapWidth(x)).toBeGreaterThan(1.3 ** 59 - 1.3 ** 58);
  });

  it("are not looked for in few points", () => {
    expect(getGapWidth(Float64Array.of(0, 1, 2, 3, 100))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("reading a line", () => {
  const line = lineOf(modelOf({ grid: [0, 10, 20], series: { a: [0, 10, 0] } }), "a");

  it("gives the nearest own point and the height of the line", () => {
    const reading = readLine(line, 12, 0);
    expect([reading?.x, reading?.y, reading?.lineY]).toEqual([10, 10, 8]);
  });

  it("gives nothing beyond the end of the run", () => {
    expect(readLine(line, 25, 4)).toBeNull();
    expect(readLine(line, 23, 4)?.x).toBe(20);
    expect(readLine(line, -5, 4)).toBeNull();
  });

  it("finds the same place as a scan", () => {
    const x = Float64Array.of(1, 2, 2, 5, 9);
    for (const at of [0, 1, 2, 3, 5, 9, 10]) {
      const scan = x.findIndex((value) => value >= at);
      expect(findFirstAtLeast(x, at)).toBe(scan < 0 ? 5 : scan);
    }
  });
});

it("a summary counts all points and uses the envelope for the extremes", () => {
  const frame = frameOf({ ...seriesOf([3, 2]), lo: [[1, 2]], hi: [[3, 7]], isExact: false });
  const points = readPoints(frame).get("a");
  expect(points && summarize(points)).toEqual({ pointCount: 2, lastX: 1, last: 2, min: 1, max: 7 });
});

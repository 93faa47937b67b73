import { describe, expect, it } from "vitest";
import { joinColumns } from "../data";
import { MISSING } from "../selection";
import { makeColumns } from "../testing/sweepServer";
import { moveName } from "./ParallelCoordinates";
import { sample } from "./ParallelPlot";
import {
  type Axis,
  type AxisLayout,
  arrangeAxes,
  describeRange,
  findNearestRow,
  fromUnit,
  joinRanges,
  listAxisSources,
  listAxisTicks,
  placeRows,
  rangeBetween,
  rankRows,
  toUnit,
  unitsOfRange,
} from "./parallelModel";

const columns = joinColumns([makeColumns()]);
const sources = listAxisSources(columns);
const NOTHING: AxisLayout = { axes: [], flipped: [], scales: [] };
const axisOf = (name: string, layout = NOTHING): Axis => {
  const axis = arrangeAxes(sources, layout).find((each) => each.name === name);
  if (axis === undefined) throw new Error(`no axis ${name}`);
  return axis;
};

describe("axes", () => {
  it("are the parameters in their order and the metrics last, until somebody arranges them", () => {
    expect(arrangeAxes(sources, NOTHING).map(({ name }) => name)).toEqual([
      "parameter:lr",
      "parameter:opt",
      "metric:loss",
    ]);
    const layout = { ...NOTHING, axes: ["metric:loss", "parameter:gone", "fact:duration"] };
    expect(arrangeAxes(sources, layout).map(({ name }) => name)).toEqual([
      "metric:loss",
      "fact:duration",
    ]);
  });

  it("place values where they can be read off, and back", () => {
    const layouts = [
      NOTHING,
      { ...NOTHING, flipped: ["parameter:lr"] },
      { ...NOTHING, scales: ["parameter:lr|linear"] },
      { ...NOTHING, scales: ["parameter:lr|linear"], flipped: ["parameter:lr"] },
    ];
    for (const layout of layouts) {
      const axis = axisOf("parameter:lr", layout);
      for (const value of [1e-4, 0.003, 0.1]) {
        const unit = toUnit(axis, value);
        expect(unit).toBeGreaterThanOrEqual(-1e-9);
        expect(unit).toBeLessThanOrEqual(1 + 1e-9);
        expect(fromUnit(axis, unit)).toBeCloseTo(value, 9);
      }
    }
    expect(toUnit(axisOf("parameter:lr"), 0.01)).toBeCloseTo(2 / 3);
    expect(toUnit(axisOf("parameter:opt"), 0)).toBeCloseTo(0.25);
  });

  it("are never logarithmic where a value is not above zero", () => {
    const columns = joinColumns([makeColumns({ duration_s: [0, 1, 2, 3, null] })]);
    const found = listAxisSources(columns).find(({ name }) => name === "fact:duration");
    expect(found?.canLog).toBe(false);
    const layout = { axes: ["fact:duration"], flipped: [], scales: ["fact:duration|log"] };
    expect(arrangeAxes(listAxisSources(columns), layout)[0]?.scale).toBe("linear");
  });

  it("have ticks that name categories and powers of ten", () => {
    expect(listAxisTicks(axisOf("parameter:opt")).map(({ text }) => text)).toEqual(["adam", "sgd"]);
    expect(listAxisTicks(axisOf("parameter:lr")).map(({ text }) => text)).toEqual([
      "1e-4",
      "0.001",
      "0.01",
      "0.1",
    ]);
  });

  it("are moved by name", () => {
    const axes = arrangeAxes(sources, NOTHING);
    expect(moveName(axes, "metric:loss", 0)).toEqual([
      "metric:loss",
      "parameter:lr",
      "parameter:opt",
    ]);
    expect(moveName(axes, "parameter:lr", 99).at(-1)).toBe("parameter:lr");
  });
});

describe("brushes", () => {
  it("take values between two heights, and categories whole", () => {
    expect(rangeBetween(axisOf("parameter:lr"), 0, 1 / 3)).toEqual([1e-4, 0.001]);
    const opt = axisOf("parameter:opt");
    expect(rangeBetween(opt, 0.1, 0.2)).toEqual([0, 0]);
    expect(rangeBetween(opt, 0.9, 0.1)).toEqual([0, 1]);
    expect(unitsOfRange(opt, [1, 1])).toEqual([0.5, 1]);
  });

  it("become one where they touch; the lane of what has no value stays by itself", () => {
    const lr = axisOf("parameter:lr");
    expect(joinRanges(lr, [[0.01, 0.1], [0.001, 0.02], MISSING])).toEqual([MISSING, [0.001, 0.1]]);
    expect(
      joinRanges(axisOf("parameter:opt"), [
        [1, 1],
        [0, 0],
      ]),
    ).toEqual([[0, 1]]);
    expect(describeRange(lr, [0.001, 0.02])).toBe("0.001 … 0.02");
    expect(describeRange(axisOf("parameter:opt"), [0, 1])).toBe("adam, sgd");
    expect(describeRange(lr, MISSING)).toBe("no value");
  });
});

describe("lines", () => {
  it("are ranked by the metric, the best last, those without a value not at all", () => {
    expect([...rankRows(columns)]).toEqual([0.5, 1, 0, Number.NaN, Number.NaN]);
  });

  it("lie in the lane below where they have no value", () => {
    const axes = arrangeAxes(sources, NOTHING);
    const places = placeRows(axes, columns.count, { top: 0, bottom: 100, lane: 120 });
    expect(places[2]?.[3]).toBe(120);
    expect(places[2]?.[1]).toBeCloseTo(100);
    expect(places[0]?.[1]).toBeCloseTo(100 / 3);
  });

  it("are found by a pointer, the one on top first, and none where none is near", () => {
    const places = [Float32Array.of(0, 50), Float32Array.of(100, 50)];
    const find = (x: number, y: number) => findNearestRow({ x, y }, [0, 1], [0, 10], places, 6);
    expect(find(2, 20)).toBe(0);
    expect(find(9, 51)).toBe(1);
    expect(find(5, 50)).toBe(1);
    expect(find(5, 90)).toBeNull();
  });

  it("are a sample while a brush is dragged, with the best in it", () => {
    const rows = Int32Array.from({ length: 2_000 }, (_, i) => i);
    const some = sample(rows, 400);
    expect(some.length).toBeLessThanOrEqual(400);
    expect(some.at(-1)).toBe(1_999);
    expect(sample(rows.slice(0, 400), 400).length).toBe(400);
  });
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import {
  getTickSteps,
  listLogTicks,
  moveRange,
  padLogRange,
  padRange,
  roundRange,
  widenRange,
  zoomRange,
} from "./scales";

describe("the y range", () => {
  it("leaves room above and below", () => {
    const [low, high] = padRange([10, 20]);
    expect(low).toBeLessThan(10);
    expect(high).toBeGreaterThan(20);
  });

  it("does not dip below zero for data that does not", () => {
    expect(padRange([0.01, 2])[0]).toBe(0);
    expect(padRange([-0.01, 2])[0]).toBeLessThan(-0.01);
  });

  it.each([0, 5, -3, 1e-9])("of the constant %f is not empty", (value) => {
    const [low, high] = padRange([value, value]);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
  });

  it("of a log axis holds at most eighteen decades and stays positive", () => {
    const [low, high] = padLogRange([1e-300, 1]);
    expect(Math.log10(high / low)).toBeLessThan(21);
    expect(padLogRange([3, 3])[0]).toBeGreaterThan(0);
  });
});

describe("ticks of a log axis", () => {
  it("are decades, with 2 and 5 where few are shown", () => {
    expect(listLogTicks([0.09, 2])).toEqual([0.1, 0.2, 0.5, 1, 2]);
    expect(listLogTicks([0.5e-3, 200])).toEqual([0.001, 0.01, 0.1, 1, 10, 100]);
  });

  it("are never more than eight decades", () => {
    expect(listLogTicks([1e-30, 1e30]).length).toBeLessThanOrEqual(9);
  });

  it("exist for a range inside one decade", () => {
    expect(listLogTicks([1.1, 1.3]).length).toBeGreaterThan(0);
  });
});

describe("the x range", () => {
  it("gives a single point room", () => {
    expect(widenRange([5, 5])).toEqual([4.75, 5.25]);
    expect(widenRange([0, 0])).toEqual([-1, 1]);
  });

  it("is zoomed around its middle, moved by its width and kept short", () => {
    expect(zoomRange([0, 100], 0.5)).toEqual([25, 75]);
    expect(moveRange([0, 100], 0.5)).toEqual([50, 150]);
    expect(roundRange([4234.9939359177215, 10555.88040743671])).toEqual([4235, 10556]);
    expect(roundRange([1790000000.123, 1790000000.456])).toEqual(
      [1790000000.12, 1790000000.46].map((v) => expect.closeTo(v, 2)),
    );
  });
});

it("tick steps rise, and those of steps are whole", () => {
  for (const axis of ["step", "relative", "metric"] as const) {
    const steps = getTickSteps(axis);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  }
  expect(getTickSteps("step").every(Number.isInteger)).toBe(true);
});

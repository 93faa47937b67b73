// @vitest-environment node
import { describe, expect, it } from "vitest";
import {
  countOf,
  formatDuration,
  formatLogTicks,
  formatTicks,
  formatValue,
  formatX,
  groupDigits,
} from "./format";

describe("axis ticks", () => {
  it.each([
    [
      [0, 0.5, 1, 1.5],
      ["0", "0.5", "1.0", "1.5"],
    ],
    [
      [0, 2000, 4000, 6000],
      ["0", "2k", "4k", "6k"],
    ],
    [
      [0, 500, 1000, 1500],
      ["0", "500", "1000", "1500"],
    ],
    [
      [0, 2.5e6, 5e6],
      ["0", "2.5M", "5.0M"],
    ],
    [
      [1_000_000, 1_000_001, 1_000_002],
      ["1000000", "1000001", "1000002"],
    ],
    [
      [0, 0.00002, 0.00004],
      ["0", "2e-5", "4e-5"],
    ],
    [
      [-0.2, -0.1, 0, 0.1],
      ["-0.2", "-0.1", "0", "0.1"],
    ],
    [
      [0.25, 0.275, 0.3],
      ["0.250", "0.275", "0.300"],
    ],
    [[0], ["0"]],
    [
      [1e18, 2e18],
      ["1e18", "2e18"],
    ],
    [
      [1, null, 3],
      ["1", "", "3"],
    ],
  ])("of %j read %j", (ticks, labels) => {
    expect(formatTicks(ticks)).toEqual(labels);
  });

  it("on a log axis are written decade by decade", () => {
    expect(formatLogTicks([1e-5, 0.001, 0.1, 1, null, 10, 1000, 2e6])).toEqual([
      "1e-5",
      "0.001",
      "0.1",
      "1",
      "",
      "10",
      "1k",
      "2M",
    ]);
  });
});

describe("values", () => {
  it.each([
    [0.123456789, "0.123457"],
    [1234567, "1,234,567"],
    [0.00001234, "1.234e-5"],
    [1e12, "1e12"],
    [-0.5, "-0.5"],
    [0, "0"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ])("%f reads %s", (value, text) => {
    expect(formatValue(value)).toBe(text);
  });

  it.each([
    [0, "0s"],
    [0.04, "40ms"],
    [12.54, "12.5s"],
    [200, "3m 20s"],
    [7500, "2h 5m"],
    [3600, "1h"],
    [100_800, "1d 4h"],
    [-90, "-1m 30s"],
  ])("%f seconds last %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it("count their noun", () => {
    expect([countOf(1, "run"), countOf(2000, "run")]).toEqual(["1 run", "2,000 runs"]);
    expect(groupDigits(-1234567)).toBe("-1,234,567");
    expect(formatX(4810, "step")).toBe("4,810");
    expect(formatX(90, "relative")).toBe("1m 30s");
  });
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import reference from "./fixtures/smoothing.json";
import { smooth } from "./smoothing";

const NO = Number.NaN;

describe("the time-weighted moving average", () => {
  it.each(reference)(
    "equals the Python reference for $name",
    ({ x, y, weight, range, smoothed }) => {
      const values = Float64Array.from(y, (value) => value ?? NO);
      const ours = smooth(x, values, weight, range);
      expect(ours.length).toBe(smoothed.length);
      smoothed.forEach((value, i) => {
        if (value === null) expect(ours[i]).toBeNaN();
        else
          expect(Math.abs((ours[i] as number) - value)).toBeLessThanOrEqual(1e-9 * Math.abs(value));
      });
    },
  );

  it("does nothing at weight 0", () => {
    const y = Float64Array.of(1, 5, 2);
    expect(smooth([0, 1, 2], y, 0, 2)).toBe(y);
  });

  it("starts at the first value instead of near zero", () => {
    expect(smooth([0, 1], Float64Array.of(10, 10), 0.99, 1)[0]).toBe(10);
  });

  it("keeps a constant constant, whatever the spacing", () => {
    const x = [0, 1, 2, 50, 51, 1000];
    for (const value of smooth(x, new Float64Array(6).fill(3), 0.9, 1000)) {
      expect(value).toBeCloseTo(3, 12);
    }
  });

  it("stays within what was logged", () => {
    const y = Float64Array.from({ length: 200 }, (_, i) => (Math.sin(i * 12.9898) * 43758.5) % 1);
    const smoothed = smooth(
      Array.from(y, (_, i) => i),
      y,
      0.8,
      199,
    );
    expect(Math.max(...smoothed)).toBeLessThanOrEqual(Math.max(...y));
    expect(Math.min(...smoothed)).toBeGreaterThanOrEqual(Math.min(...y));
  });
});

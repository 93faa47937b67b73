import { describe, expect, it } from "vitest";
import { contentHeight, HEIGHT_MAX_PX, LINE_PX, scrollTopFor, windowAt } from "./lineWindow";

const VIEWPORT_PX = 600;

describe("the lines on screen", () => {
  it("are the first ones at the top and the last ones at the end", () => {
    for (const count of [40, 1_000, 1_000_000, 50_000_000]) {
      const end = contentHeight(count) - VIEWPORT_PX;
      expect(windowAt(0, VIEWPORT_PX, count).first).toBe(0);
      expect(windowAt(end, VIEWPORT_PX, count).stop).toBe(count);
    }
  });

  it("never hold more lines than fit with the overscan", () => {
    for (const scrollTop of [0, 5_000_000, HEIGHT_MAX_PX]) {
      const { first, stop } = windowAt(scrollTop, VIEWPORT_PX, 1_000_000, 20);
      expect(stop - first).toBeLessThanOrEqual(Math.ceil(VIEWPORT_PX / LINE_PX) + 42);
    }
  });

  it("stand where they would without a window while the log is short", () => {
    const { first, offsetPx } = windowAt(9_000, VIEWPORT_PX, 2_000);
    expect(offsetPx).toBeCloseTo(first * LINE_PX, 6);
  });

  it("show the line that was asked for in the middle", () => {
    for (const count of [1_000, 1_000_000, 5_000_000]) {
      const line = Math.floor(count / 3);
      const { top } = windowAt(scrollTopFor(line, VIEWPORT_PX, count), VIEWPORT_PX, count);
      expect(top + VIEWPORT_PX / LINE_PX / 2).toBeCloseTo(line + 0.5, 3);
    }
  });

  it("need no scrolling when all fit", () => {
    expect(windowAt(0, VIEWPORT_PX, 3)).toEqual({ top: 0, first: 0, stop: 3, offsetPx: 0 });
    expect(scrollTopFor(2, VIEWPORT_PX, 3)).toBe(0);
  });
});

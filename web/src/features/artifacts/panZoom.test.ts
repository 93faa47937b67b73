import { describe, expect, it } from "vitest";
import { fitView, keepInReach, zoomAt } from "./panZoom";

const FRAME = { width: 1200, height: 600 };
const SIZES = [
  { width: 100, height: 40 },
  { width: 1000, height: 5000 },
  { width: 9000, height: 300 },
];

describe("a drawing that is moved", () => {
  it.each(SIZES)("never leaves the frame, $width × $height", (drawing) => {
    for (const scale of [0.1, 0.55, 1, 2]) {
      for (const x of [-1e6, -500, 0, 900, 1e6]) {
        for (const y of [-1e6, -200, 300, 1e6]) {
          const view = keepInReach({ x, y, scale }, drawing, FRAME);
          const [width, height] = [drawing.width * scale, drawing.height * scale];
          const seenX = Math.min(FRAME.width, view.x + width) - Math.max(0, view.x);
          const seenY = Math.min(FRAME.height, view.y + height) - Math.max(0, view.y);
          expect(seenX).toBeGreaterThanOrEqual(Math.min(80, width) - 1e-6);
          expect(seenY).toBeGreaterThanOrEqual(Math.min(80, height) - 1e-6);
        }
      }
    }
  });

  it("stays where it is as long as some of it is seen", () => {
    const view = { x: -100, y: 50, scale: 1 };
    expect(keepInReach(view, { width: 1000, height: 500 }, FRAME)).toEqual(view);
  });

  it.each(SIZES)("is in reach when it is shown whole, $width × $height", (drawing) => {
    const view = fitView(drawing, FRAME, { x: drawing.width / 2, y: drawing.height / 2 });
    expect(keepInReach(view, drawing, FRAME)).toEqual(view);
  });
});

it("what is under the pointer stays there while it is zoomed", () => {
  const before = { x: 30, y: -40, scale: 0.8 };
  const at = { x: 400, y: 200 };
  const after = zoomAt(before, at, 1.5);
  expect((at.x - after.x) / after.scale).toBeCloseTo((at.x - before.x) / before.scale);
  expect((at.y - after.y) / after.scale).toBeCloseTo((at.y - before.y) / before.scale);
});

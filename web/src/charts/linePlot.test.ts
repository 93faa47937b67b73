import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { decodeFrame } from "~/core/frame";
import { Highlight } from "~/core/highlight";
import { installCanvas, makeContext } from "~/core/testing/canvas";
import { encodeFrame } from "~/core/testing/encodeFrame";
import { buildLines, type PanelRun } from "./lineModel";
import { LinePlot, type PlotView, type PointerReading } from "./linePlot";
import { drawLines, type Projection } from "./strokes";

const NO = Number.NaN;
const runs: PanelRun[] = [
  { name: "a", displayName: "a", color: "#0000aa" },
  { name: "b", displayName: "b", color: "#00bb00", dash: [6, 3] },
];
const projection: Projection = {
  left: 0,
  top: 0,
  width: 100,
  height: 100,
  x: [0, 10],
  y: [0, 10],
  isLog: false,
  ratio: 1,
};
const theme = { grid: "#eee", axis: "#888", label: "#666", surface: "#fff", font: "11px sans" };

function modelOf(series: Record<string, number[]>) {
  const grid = (Object.values(series)[0] ?? []).map((_, i) => i);
  const frame = decodeFrame(encodeFrame({ grid, series }).buffer);
  return buildLines(frame, { runs, smoothing: 0, isLog: false, hasBand: true, range: null });
}

describe("the draw list", () => {
  const draw = (series: Record<string, number[]>, at: Partial<Projection> = {}) => {
    const ctx = makeContext();
    drawLines(ctx, modelOf(series), { ...projection, ...at });
    return ctx.calls;
  };

  it("connects the points of a run in its colour and dash", () => {
    const calls = draw({ b: [0, 5, NO, 10] });
    const path = calls.filter((call) => ["moveTo", "lineTo"].includes(call.name));
    expect(path.slice(0, 3).map((call) => [call.name, ...call.args])).toEqual([
      ["moveTo", 0, 100],
      ["lineTo", 10, 50],
      ["lineTo", 30, 0],
    ]);
    const stroke = calls.find((call) => call.name === "stroke");
    expect([stroke?.strokeStyle, stroke?.lineDash]).toEqual(["#00bb00", [6, 3]]);
  });

  it("lifts the pen at values a log axis cannot show", () => {
    const calls = draw({ a: [1, 0, 10] }, { isLog: true, y: [1, 10] });
    expect(calls.filter((call) => call.name === "lineTo")).toHaveLength(0);
  });

  it("puts back every style it set", () => {
    const names = draw({ a: [1, 2], b: [2, 1] }).map((call) => call.name);
    expect(names[0]).toBe("save");
    expect(names.at(-1)).toBe("restore");
    const depth = names.reduce(
      (n, name) => n + Number(name === "save") - Number(name === "restore"),
      0,
    );
    expect(depth).toBe(0);
  });
});

describe("a line plot", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    installCanvas();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  const view: PlotView = {
    makeModel: () => modelOf({ a: [0, 5, 10], b: [10, 5, 0] }),
    axis: "step",
    isLog: false,
    range: null,
    theme,
  };

  async function open() {
    const highlight = new Highlight();
    const seen: (PointerReading | null)[] = [];
    const plot = new LinePlot({
      host: document.body,
      width: 400,
      height: 200,
      view,
      syncKey: "board",
      highlight,
      onZoom: () => undefined,
      onPointer: (reading) => seen.push(reading),
    });
    await vi.advanceTimersByTimeAsync(100);
    const over = document.querySelector(".u-over") as HTMLElement;
    const box = { left: 0, top: 0, width: 300, height: 150, right: 300, bottom: 150, x: 0, y: 0 };
    over.getBoundingClientRect = () => ({ ...box, toJSON: () => box });
    const move = async (clientX: number, clientY: number) => {
      over.dispatchEvent(new MouseEvent("pointermove", { clientX, clientY }));
      await vi.advanceTimersByTimeAsync(50);
    };
    return { plot, highlight, seen, over, move };
  }

  it("does not redraw its base layer while the pointer moves", async () => {
    const { plot, highlight, move } = await open();
    const before = plot.drawCount;
    expect(before).toBeGreaterThan(0);
    for (let x = 10; x < 290; x += 20) await move(x, 70);
    highlight.set("a");
    await vi.advanceTimersByTimeAsync(50);
    expect(plot.drawCount).toBe(before);
    plot.destroy();
  });

  it("reads the nearest line first and highlights it when it is near", async () => {
    const { plot, highlight, seen, over, move } = await open();
    await move(2, 12);
    expect(highlight.run).toBe("b");
    expect(seen.at(-1)?.readings.map((reading) => reading.line.run.name)).toEqual(["b", "a"]);
    expect(seen.at(-1)?.readings[0]?.raw).toBe(10);
    await move(2, 75);
    expect(highlight.run).toBeNull();
    over.dispatchEvent(new MouseEvent("pointerleave"));
    expect(seen.at(-1)).toBeNull();
    plot.destroy();
  });

  it("draws once for many updates in one frame", async () => {
    const { plot } = await open();
    const before = plot.drawCount;
    for (let i = 0; i < 5; i++) plot.update({ ...view });
    await vi.advanceTimersByTimeAsync(50);
    expect(plot.drawCount).toBe(before + 1);
    plot.destroy();
  });
});

/** What of a Plotly figure can be drawn without Plotly: its lines, points and bars. */

import type { JsonObject, JsonValue } from "../api/types";
import { binValues, type PlotData } from "../charts/plots/plotModel";
import { isObject } from "./items";

export interface StaticFigure {
  title: string;
  plot: PlotData | null;
  /** Kinds of traces that are missing in the drawing. */
  missing: string[];
}

export function readFigure(figure: JsonValue): StaticFigure {
  const traces = isObject(figure) && Array.isArray(figure.data) ? figure.data.filter(isObject) : [];
  const layout = isObject(figure) && isObject(figure.layout) ? figure.layout : {};
  const [x, y] = [titleOf(layout.xaxis) || "x", titleOf(layout.yaxis) || "y"];
  const kinds = traces.map((trace) => (typeof trace.type === "string" ? trace.type : "scatter"));
  const main = kinds.find((kind) => /^(scatter|scattergl|bar|histogram)$/.test(kind)) ?? null;
  const isMain = (kind: string) =>
    kind === main || (main?.startsWith("scatter") && /^scatter(gl)?$/.test(kind));
  const drawn = traces.filter((_, i) => isMain(kinds[i] ?? ""));
  const missing = [...new Set(kinds.filter((kind) => !isMain(kind)))];
  return { title: titleOf(layout), plot: main === null ? null : draw(main, drawn, x, y), missing };
}

function titleOf(value: JsonValue | undefined): string {
  const title = isObject(value) ? value.title : undefined;
  if (typeof title === "string") return title;
  return isObject(title) && typeof title.text === "string" ? title.text : "";
}

function draw(kind: string, traces: readonly JsonObject[], x: string, y: string): PlotData | null {
  const first = traces[0];
  if (first === undefined) return null;
  if (kind === "histogram") {
    return { kind: "histogram", ...binValues(readArray(first.x ?? first.y).map(toNumber)), x };
  }
  if (kind === "bar") {
    const labels = readArray(first.x);
    const values = readArray(first.y);
    const bars = values.flatMap((value, i) => {
      const height = toNumber(value);
      return Number.isFinite(height) ? [{ label: String(labels[i] ?? i), value: height }] : [];
    });
    return { kind: "bars", bars, x, y };
  }
  const lines = traces.map((trace, index) => {
    const ys = readArray(trace.y);
    const xs = trace.x === undefined ? ys.map((_, i) => i) : readArray(trace.x);
    const name = typeof trace.name === "string" ? trace.name : `trace ${index + 1}`;
    return { name, points: ys.map((value, i) => [toNumber(xs[i]), toNumber(value)] as const) };
  });
  const isPoints = traces.every((trace) => trace.mode === "markers");
  return { kind: isPoints ? "points" : "lines", lines, x, y };
}

function toNumber(value: JsonValue | undefined): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
}

const TYPED_ARRAYS = {
  f8: Float64Array,
  f4: Float32Array,
  i1: Int8Array,
  i2: Int16Array,
  i4: Int32Array,
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
} as const;

/** Plotly writes arrays of numpy as {dtype, bdata}, the bytes in base64. */
function readArray(value: JsonValue | undefined): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  if (!isObject(value) || typeof value.bdata !== "string") return [];
  const Kind = TYPED_ARRAYS[value.dtype as keyof typeof TYPED_ARRAYS];
  if (Kind === undefined) return [];
  try {
    const bytes = Uint8Array.from(atob(value.bdata), (char) => char.charCodeAt(0));
    return Array.from(new Kind(bytes.buffer) as Iterable<number>);
  } catch {
    return [];
  }
}

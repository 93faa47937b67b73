/** Scales and hits of scatter charts: pure arithmetic, in units of the data and in pixels. */

import { formatLogTicks, formatTicks, formatValue } from "~/charts/format";
import { listTicks } from "~/charts/plots/plotModel";
import { listLogTicks, padLogRange, padRange } from "~/charts/scales";
import type { MetricColumn, ParameterColumn } from "../data";

/** What is drawn along one side: a number per row, and how to write it. */
export interface ChartAxis {
  label: string;
  scale: "linear" | "log" | "category";
  /** By row; of a category places among `labels`. */
  numbers: Float64Array;
  labels: readonly string[];
  /** Its name in the selection; null where it has none. */
  brush: string | null;
  /** Goal of a metric: which way is better. */
  goal?: "minimize" | "maximize";
}

export interface Scale {
  axis: ChartAxis;
  low: number;
  high: number;
  start: number;
  end: number;
  ticks: readonly { value: number; text: string }[];
}

const CATEGORY_TICKS_MAX = 12;
/** Beyond the quartiles by this many times their distance a value is drawn at the edge. */
const OUTLIER_WIDTHS = 5;

/** A scale over the rows and `more` values, from pixel `start` to `end`. */
export function makeScale(
  axis: ChartAxis,
  rows: Int32Array,
  more: readonly number[],
  [start, end]: readonly [number, number],
  tickCount = 5,
): Scale {
  const base = { axis, start, end };
  if (axis.scale === "category") {
    const count = Math.max(1, axis.labels.length);
    const every = Math.ceil(count / CATEGORY_TICKS_MAX);
    const ticks = axis.labels
      .map((text, value) => ({ value, text: shorten(text, 14) }))
      .filter(({ value }) => value % every === 0);
    return { ...base, low: -0.5, high: count - 0.5, ticks };
  }
  const isLog = axis.scale === "log";
  const values: number[] = [];
  for (const row of rows) {
    const value = axis.numbers[row] as number;
    if (Number.isFinite(value) && !(isLog && value <= 0)) values.push(value);
  }
  const [low, high] = rangeWithoutOutliers(
    values,
    more.filter((value) => Number.isFinite(value)),
  );
  if (isLog) {
    const range = padLogRange(low > 0 ? [low, high] : [1, 10]);
    const ticks = listLogTicks(range);
    const texts = formatLogTicks(ticks);
    return { ...base, low: range[0], high: range[1], ticks: label(ticks, texts) };
  }
  const range = padRange([low, high]);
  const ticks = listTicks(range[0], range[1], tickCount);
  return { ...base, low: range[0], high: range[1], ticks: label(ticks, formatTicks(ticks)) };
}

const label = (ticks: readonly number[], texts: readonly string[]) =>
  ticks.map((value, i) => ({ value, text: texts[i] ?? "" }));

/** The range of values without a few far ones, which would press all others flat. */
export function rangeWithoutOutliers(
  values: readonly number[],
  more: readonly number[] = [],
): [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  const spread = at(0.75) - at(0.25);
  const inside =
    spread > 0
      ? sorted.filter(
          (value) =>
            value >= at(0.25) - OUTLIER_WIDTHS * spread &&
            value <= at(0.75) + OUTLIER_WIDTHS * spread,
        )
      : sorted;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of [...inside, ...more]) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? [0, 1] : [low, high];
}

/** The pixel of a value, at the edge for what lies outside; NaN for what cannot be drawn. */
export function toPixel(scale: Scale, value: number): number {
  const share = shareOf(scale, value);
  return scale.start + Math.min(1, Math.max(0, share)) * (scale.end - scale.start);
}

function shareOf({ axis, low, high }: Scale, value: number): number {
  if (axis.scale !== "log") return (value - low) / (high - low);
  return value > 0 ? Math.log(value / low) / Math.log(high / low) : Number.NaN;
}

/** The value at a pixel; of a category not rounded. */
export function fromPixel({ axis, low, high, start, end }: Scale, pixel: number): number {
  const share = Math.min(1, Math.max(0, (pixel - start) / (end - start)));
  return axis.scale === "log" ? low * (high / low) ** share : low + share * (high - low);
}

/** The values between two pixels. At an edge everything beyond it belongs to them: it is drawn there. */
export function rangeBetween(scale: Scale, a: number, b: number): [number, number] {
  const [first, last] = [fromPixel(scale, a), fromPixel(scale, b)];
  const range: [number, number] = [Math.min(first, last), Math.max(first, last)];
  for (const value of scale.axis.numbers) {
    if (range[0] === scale.low && value < range[0]) range[0] = value;
    if (range[1] === scale.high && value > range[1]) range[1] = value;
  }
  return range;
}

export function isOutside(scale: Scale, value: number): boolean {
  const share = shareOf(scale, value);
  return share < 0 || share > 1;
}

export interface Points {
  rows: Int32Array;
  xs: Float64Array;
  ys: Float64Array;
  /** Rows that have no place: a value is missing, or a logarithm is asked of what has none. */
  missingCount: number;
  /** Drawn at an edge. */
  outsideCount: number;
}

/** Where the rows are on screen. Points of a category are spread a little, always in the same way. */
export function placePoints(rows: Int32Array, x: Scale, y: Scale): Points {
  const kept: number[] = [];
  const [xs, ys]: [number[], number[]] = [[], []];
  let outsideCount = 0;
  for (const row of rows) {
    const [a, b] = [x.axis.numbers[row] as number, y.axis.numbers[row] as number];
    const px = toPixel(x, a + spread(x, row));
    const py = toPixel(y, b + spread(y, row));
    if (!Number.isFinite(px) || !Number.isFinite(py)) continue;
    if (isOutside(x, a) || isOutside(y, b)) outsideCount += 1;
    kept.push(row);
    xs.push(px);
    ys.push(py);
  }
  return {
    rows: Int32Array.from(kept),
    xs: Float64Array.from(xs),
    ys: Float64Array.from(ys),
    missingCount: rows.length - kept.length,
    outsideCount,
  };
}

function spread({ axis }: Scale, row: number): number {
  return axis.scale === "category" ? (((row * 2_654_435_761) >>> 0) / 2 ** 32 - 0.5) * 0.5 : 0;
}

/** The place in `points` that is nearest to a pixel, within `reach`; null for none. */
export function findNearest(points: Points, x: number, y: number, reach = 12): number | null {
  let [best, nearest]: [number | null, number] = [null, reach];
  for (let i = 0; i < points.rows.length; i++) {
    const distance = Math.hypot((points.xs[i] as number) - x, (points.ys[i] as number) - y);
    if (distance < nearest) [best, nearest] = [i, distance];
  }
  return best;
}

/** A value of an axis as people read it. */
export function writeValue(axis: ChartAxis, row: number): string {
  const value = axis.numbers[row] as number;
  if (Number.isNaN(value)) return "–";
  return axis.scale === "category" ? (axis.labels[value] ?? "–") : formatValue(value);
}

export function axisOfParameterColumn(column: ParameterColumn): ChartAxis {
  const isCategory = column.kind === "category" || column.kind === "constant";
  const base = { label: column.name, brush: `parameter:${column.name}` };
  if (!isCategory) return { ...base, scale: column.scale, numbers: column.numbers, labels: [] };
  return { ...base, scale: "category", numbers: column.numbers, labels: column.labels };
}

export function axisOfMetricColumn(column: MetricColumn): ChartAxis {
  return {
    label: column.name,
    scale: "linear",
    numbers: column.numbers,
    labels: [],
    brush: `metric:${column.name}`,
    goal: column.goal,
  };
}

export function shorten(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}

/** Corners of the stairs of a front of two metrics, from the first run to the last. */
export function listStairs(
  points: readonly (readonly [number, number])[],
  [first, second]: readonly ["minimize" | "maximize", "minimize" | "maximize"],
): [number, number][] {
  const [turnX, turnY] = [first === "minimize" ? 1 : -1, second === "minimize" ? 1 : -1];
  const sorted = [...points].sort((a, b) => turnX * (a[0] - b[0]) || turnY * (a[1] - b[1]));
  const stairs: [number, number][] = [];
  let best: number | null = null;
  for (const [x, y] of sorted) {
    const isBetter = best === null || (second === "minimize" ? y < best : y > best);
    if (!isBetter) continue;
    if (best !== null) stairs.push([x, best]);
    stairs.push([x, y]);
    best = y;
  }
  return stairs;
}

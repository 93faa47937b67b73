/**
 * From a decoded frame to lines in data coordinates: pure, no canvas, no React.
 *
 * Buckets without a point are dropped, so each line is compact and a metric logged every 100 steps is one connected
 * line. What must not be connected is marked in `breaks`: NaN or ±Inf in between, and real holes in the data.
 */

import { type Column, type Frame, type NonFiniteKind, readSeries } from "~/core/frame";
import { smooth } from "./smoothing";

export interface PanelRun {
  /** The run's id within the project; `displayName` is what people read. */
  name: string;
  displayName: string;
  /** Any CSS colour the canvas understands. */
  color: string;
  dash?: readonly number[];
}

export interface Mark {
  x: number;
  kind: NonFiniteKind;
  count: number;
}

/** One series without its empty buckets: what does not depend on how it is shown. */
export interface Points {
  run: string;
  x: Float64Array;
  /** As logged (last of each bucket). */
  raw: Float64Array;
  /** 1 where the point is not connected with the one before it. */
  breaks: Uint8Array;
  band: { lo: Float64Array; hi: Float64Array } | null;
  marks: Mark[];
  /** Points in range before they were put into buckets. */
  pointCount: number;
}

export interface Line extends Omit<Points, "run"> {
  run: PanelRun;
  /** What is drawn: smoothed, or `raw` itself. */
  y: Float64Array;
}

export interface LineModel {
  lines: Line[];
  /** Extent of the data in view; null = nothing to draw. */
  x: readonly [number, number] | null;
  y: readonly [number, number] | null;
}

export interface LineOptions {
  runs: readonly PanelRun[];
  smoothing: number;
  isLog: boolean;
  hasBand: boolean;
  range: readonly [number, number] | null;
}

/** A spacing this many times the fourth widest of its run is a hole in the data, not its rhythm. */
const GAP_FACTOR = 10;
const GAP_RANK = 4;
const GAP_POINTS_MIN = 40;

const readPointsOnce = new WeakMap<Frame, Map<string, Points>>();

/** The series of a frame by run, decoded once however often it is drawn. */
export function readPoints(frame: Frame): ReadonlyMap<string, Points> {
  const known = readPointsOnce.get(frame);
  if (known !== undefined) return known;
  const points = new Map(
    frame.meta.series.map(({ run }, index) => [run, readOne(frame, run, index)]),
  );
  readPointsOnce.set(frame, points);
  return points;
}

export function buildLines(frame: Frame, options: LineOptions): LineModel {
  const points = readPoints(frame);
  const width = getWidth(frame.grid, options.range);
  const lines: Line[] = [];
  // Backwards, so that the first run of the list is drawn last and lies on top in every panel.
  for (let i = options.runs.length - 1; i >= 0; i--) {
    const run = options.runs[i] as PanelRun;
    const own = points.get(run.name);
    if (own === undefined) continue;
    const y = smooth(own.x, own.raw, options.smoothing, width);
    lines.push({ ...own, run, y, band: options.hasBand ? own.band : null });
  }
  return { lines, ...getExtent(lines, options) };
}

function readOne(frame: Frame, run: string, index: number): Points {
  const values = readSeries(frame, frame.line, index);
  const kept = listPresent(values);
  const x = pick(frame.grid, kept);
  const raw = pick(values, kept);
  const marks: Mark[] = [];
  const nonFinite = new Set<number>();
  for (const [series, bucket, kind, count] of frame.meta.nonfinite) {
    if (series !== index) continue;
    nonFinite.add(bucket);
    marks.push({ x: frame.grid[bucket] as number, kind, count });
  }
  return {
    run,
    x,
    raw,
    breaks: findBreaks(x, kept, nonFinite),
    // In an exact frame every point is drawn, so minimum and maximum are the line itself.
    band: frame.exact ? null : readBand(frame, index, kept),
    marks,
    pointCount: frame.meta.series[index]?.points ?? kept.length,
  };
}

/** 1 at each point that a line must not reach from its predecessor. */
export function findBreaks(
  x: Float64Array,
  buckets: Uint32Array,
  nonFinite: ReadonlySet<number>,
): Uint8Array {
  const breaks = new Uint8Array(x.length);
  if (x.length > 0) breaks[0] = 1;
  const gap = getGapWidth(x);
  const bad = [...nonFinite].sort((a, b) => a - b);
  let next = 0;
  for (let i = 1; i < x.length; i++) {
    if ((x[i] as number) - (x[i - 1] as number) > gap) breaks[i] = 1;
    const [from, to] = [buckets[i - 1] as number, buckets[i] as number];
    while (next < bad.length && (bad[next] as number) <= from) next++;
    if (next < bad.length && (bad[next] as number) < to) breaks[i] = 1;
  }
  return breaks;
}

/**
 * Spacing above which two neighbouring points are not connected.
 *
 * Compared with the fourth widest spacing of the same run, so that regular pauses (an evaluation each epoch) and
 * steps logged at growing distances stay connected, and at most three holes of a run are seen as holes.
 */
export function getGapWidth(x: Float64Array): number {
  if (x.length < GAP_POINTS_MIN) return Number.POSITIVE_INFINITY;
  const widest = new Float64Array(GAP_RANK);
  for (let i = 1; i < x.length; i++) {
    let spacing = (x[i] as number) - (x[i - 1] as number);
    for (let rank = 0; rank < GAP_RANK; rank++) {
      const there = widest[rank] as number;
      if (spacing <= there) continue;
      widest[rank] = spacing;
      spacing = there;
    }
  }
  return (widest[GAP_RANK - 1] as number) * GAP_FACTOR;
}

export interface Reading {
  line: Line;
  index: number;
  x: number;
  raw: number;
  y: number;
  /** Height of the drawn line at the asked x, in data units: between two points it is interpolated. */
  lineY: number;
}

/**
 * What a line shows at x: its nearest own point.
 *
 * @param reach points further from x than this do not count, unless x lies between two connected points.
 */
export function readLine(line: Line, x: number, reach: number): Reading | null {
  const { x: xs, y: ys } = line;
  if (xs.length === 0) return null;
  const after = findFirstAtLeast(xs, x);
  const before = after - 1;
  const isBetween = before >= 0 && after < xs.length && line.breaks[after] === 0;
  const distanceBefore = before >= 0 ? x - (xs[before] as number) : Number.POSITIVE_INFINITY;
  const distanceAfter = after < xs.length ? (xs[after] as number) - x : Number.POSITIVE_INFINITY;
  const index = distanceBefore <= distanceAfter ? before : after;
  if (!isBetween && Math.min(distanceBefore, distanceAfter) > reach) return null;
  const y = ys[index] as number;
  let lineY = y;
  if (isBetween && distanceBefore + distanceAfter > 0) {
    const share = distanceBefore / (distanceBefore + distanceAfter);
    lineY = (ys[before] as number) * (1 - share) + (ys[after] as number) * share;
  }
  return { line, index, x: xs[index] as number, raw: line.raw[index] as number, y, lineY };
}

/** First index with xs[index] >= x; xs.length when there is none. */
export function findFirstAtLeast(xs: Float64Array, x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((xs[middle] as number) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface PointsSummary {
  pointCount: number;
  lastX: number;
  last: number;
  min: number;
  max: number;
}

/** Lowest and highest include the envelope, so they hold for all points and not only for the drawn ones. */
export function summarize({ x, raw, band, pointCount }: Points): PointsSummary {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < raw.length; i++) {
    min = Math.min(min, band?.lo[i] ?? (raw[i] as number));
    max = Math.max(max, band?.hi[i] ?? (raw[i] as number));
  }
  const end = raw.length - 1;
  const isEmpty = raw.length === 0;
  return {
    pointCount,
    lastX: x[end] ?? Number.NaN,
    last: raw[end] ?? Number.NaN,
    min: isEmpty ? Number.NaN : min,
    max: isEmpty ? Number.NaN : max,
  };
}

export function countMarks(marks: readonly Mark[]): number {
  return marks.reduce((n, mark) => n + mark.count, 0);
}

/** Points that a log axis has no place for. */
export function countNotPositive({ raw }: Points): number {
  let n = 0;
  for (const value of raw) if (value <= 0) n++;
  return n;
}

function getExtent(
  lines: readonly Line[],
  { isLog, range }: LineOptions,
): Pick<LineModel, "x" | "y"> {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  const takeY = (value: number) => {
    if (isLog && !(value > 0)) return;
    if (value < y0) y0 = value;
    if (value > y1) y1 = value;
  };
  for (const line of lines) {
    for (const mark of line.marks) {
      x0 = Math.min(x0, mark.x);
      x1 = Math.max(x1, mark.x);
    }
    for (let i = 0; i < line.x.length; i++) {
      const x = line.x[i] as number;
      if (range !== null && (x < range[0] || x > range[1])) continue;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      takeY(line.raw[i] as number);
      if (line.y !== line.raw) takeY(line.y[i] as number);
      if (line.band !== null) {
        takeY(line.band.lo[i] as number);
        takeY(line.band.hi[i] as number);
      }
    }
  }
  return { x: x0 <= x1 ? (range ?? [x0, x1]) : null, y: y0 <= y1 ? [y0, y1] : null };
}

function readBand(frame: Frame, index: number, kept: Uint32Array): Line["band"] {
  if (frame.lo === null || frame.hi === null) return null;
  const read = (column: Column) => pick(readSeries(frame, column, index), kept);
  return { lo: read(frame.lo), hi: read(frame.hi) };
}

function listPresent(values: Float64Array): Uint32Array {
  const kept = new Uint32Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i])) kept[n++] = i;
  }
  return kept.subarray(0, n);
}

function pick(values: Float64Array, indices: Uint32Array): Float64Array {
  if (indices.length === values.length) return values;
  const picked = new Float64Array(indices.length);
  for (let i = 0; i < indices.length; i++) picked[i] = values[indices[i] as number] as number;
  return picked;
}

function getWidth(grid: Float64Array, range: readonly [number, number] | null): number {
  if (range !== null) return range[1] - range[0];
  return (grid[grid.length - 1] ?? 0) - (grid[0] ?? 0);
}

/** Parallel coordinates without a canvas: axes, places on them, ticks, hits. */

import { formatLogTicks, formatTicks, formatValue } from "~/charts/format";
import { listTicks } from "~/charts/plots/plotModel";
import { listLogTicks } from "~/charts/scales";
import { type AxisName, axisOfMetric, axisOfParameter, FACTS, factNumbers } from "../axes";
import type { TrialColumns } from "../data";
import { type BrushRange, MISSING } from "../selection";

/** What can be an axis, before anybody arranged anything. */
export interface AxisSource {
  name: AxisName;
  label: string;
  group: "parameter" | "metric" | "fact";
  numbers: Float64Array;
  /** Of a category: its values in their order; empty for numbers. */
  labels: readonly string[];
  isInteger: boolean;
  /** Range of the configuration, where it has one. */
  low: number | null;
  high: number | null;
  scale: "linear" | "log";
  /** Nothing that is drawn lies at or below zero. */
  canLog: boolean;
  goal: "minimize" | "maximize" | null;
}

/** How somebody arranged the axes. */
export interface AxisLayout {
  /** Names in order; empty: the usual ones. */
  axes: readonly string[];
  flipped: readonly string[];
  /** `name|log` or `name|linear` where it is not as the configuration says. */
  scales: readonly string[];
}

export interface Axis extends AxisSource {
  isFlipped: boolean;
  min: number;
  max: number;
}

export interface Tick {
  /** 0 at the bottom, 1 at the top. */
  at: number;
  text: string;
}

/** Shown without being asked for; more are a choice away. */
export const AXES_USUAL = 12;
export const AXES_MAX = 20;
const CATEGORY_TICKS_MAX = 14;

export function listAxisSources(columns: TrialColumns): AxisSource[] {
  const parameters = columns.parameters
    .filter(({ kind }) => kind !== "constant")
    .map((parameter): AxisSource => {
      const { labels, numbers, low, high, kind } = parameter;
      return {
        ...{ name: axisOfParameter(parameter), label: parameter.name, group: "parameter" },
        ...{ numbers, labels, low, high, scale: parameter.scale, isInteger: kind === "integer" },
        ...{ canLog: labels.length === 0 && isPositive(numbers, low), goal: null },
      };
    });
  const metrics = columns.metrics.map(
    (metric): AxisSource => ({
      ...{ name: axisOfMetric(metric), label: metric.name, group: "metric" },
      ...{ numbers: metric.numbers, labels: [], low: null, high: null, isInteger: false },
      ...{ scale: "linear", canLog: isPositive(metric.numbers, null), goal: metric.goal },
    }),
  );
  const facts = FACTS.map(({ name, label }): AxisSource => {
    const numbers = factNumbers(columns, name);
    return {
      ...{ name: `fact:${name}`, label, group: "fact", numbers, labels: [], goal: null },
      ...{ low: null, high: null, scale: "linear", isInteger: name === "trial" },
      canLog: isPositive(numbers, null),
    };
  }).filter(({ numbers }) => numbers.some((value) => !Number.isNaN(value)));
  return [...parameters, ...metrics, ...facts];
}

function isPositive(numbers: Float64Array, low: number | null): boolean {
  if (low !== null && low <= 0) return false;
  let count = 0;
  for (const value of numbers) {
    if (value <= 0) return false;
    if (value > 0) count += 1;
  }
  return count > 0 || low !== null;
}

/** Parameters in the order of the configuration, metrics last: as many as are readable. */
export function usualAxes(sources: readonly AxisSource[]): string[] {
  const metrics = sources.filter(({ group }) => group === "metric").slice(0, 4);
  const parameters = sources.filter(({ group }) => group === "parameter");
  // A parameter that only an earlier configuration had comes last of them, and is the first to go.
  return [...parameters.slice(0, AXES_USUAL - metrics.length), ...metrics].map(({ name }) => name);
}

export function arrangeAxes(sources: readonly AxisSource[], layout: AxisLayout): Axis[] {
  const byName = new Map<string, AxisSource>(sources.map((source) => [source.name, source]));
  const known = layout.axes.filter((name) => byName.has(name)).slice(0, AXES_MAX);
  const names = known.length > 0 ? known : usualAxes(sources);
  return names.map((name) => {
    const source = byName.get(name) as AxisSource;
    const asked = scaleOf(source, layout);
    const scale = asked === "log" && source.canLog ? "log" : "linear";
    const [min, max] = rangeOfAxis(source, scale);
    return { ...source, scale, min, max, isFlipped: layout.flipped.includes(name) };
  });
}

function scaleOf({ name, scale }: AxisSource, { scales }: AxisLayout): "linear" | "log" {
  if (scales.includes(`${name}|log`)) return "log";
  if (scales.includes(`${name}|linear`)) return "linear";
  return scale;
}

function rangeOfAxis(source: AxisSource, scale: "linear" | "log"): [number, number] {
  if (source.labels.length > 0) return [-0.5, source.labels.length - 0.5];
  let low = source.low ?? Number.POSITIVE_INFINITY;
  let high = source.high ?? Number.NEGATIVE_INFINITY;
  for (const value of source.numbers) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  if (low === high) {
    if (scale === "log") return [low / 2, high * 2];
    const half = low === 0 ? 0.5 : Math.abs(low) * 0.1;
    return [low - half, high + half];
  }
  return [low, high];
}

/** 0 at the bottom of the axis, 1 at its top; NaN for what has no value. */
export function toUnit(axis: Axis, value: number): number {
  const unit =
    axis.scale === "log"
      ? Math.log(value / axis.min) / Math.log(axis.max / axis.min)
      : (value - axis.min) / (axis.max - axis.min);
  return axis.isFlipped ? 1 - unit : unit;
}

export function fromUnit(axis: Axis, unit: number): number {
  const share = axis.isFlipped ? 1 - unit : unit;
  return axis.scale === "log"
    ? axis.min * (axis.max / axis.min) ** share
    : axis.min + share * (axis.max - axis.min);
}

export function listAxisTicks(axis: Axis): Tick[] {
  if (axis.labels.length > 0) {
    const every = Math.ceil(axis.labels.length / CATEGORY_TICKS_MAX);
    return axis.labels
      .map((text, place) => ({ at: toUnit(axis, place), text }))
      .filter((_, place) => place % every === 0);
  }
  if (axis.scale === "log") {
    const ticks = listLogTicks([axis.min, axis.max]);
    return withTexts(axis, ticks, formatLogTicks(ticks));
  }
  const ticks = listTicks(axis.min, axis.max, 5).filter(
    (tick) => !axis.isInteger || Number.isInteger(tick),
  );
  return withTexts(axis, ticks, formatTicks(ticks));
}

function withTexts(axis: Axis, ticks: readonly number[], texts: readonly string[]): Tick[] {
  return ticks.map((tick, i) => ({ at: toUnit(axis, tick), text: texts[i] ?? "" }));
}

// ---- brushes

/** The values between two places on an axis, given as shares of its height; categories are taken whole. */
export function rangeBetween(axis: Axis, from: number, to: number): BrushRange {
  const clamp = (unit: number) => Math.min(1, Math.max(0, unit));
  const [a, b] = [fromUnit(axis, clamp(from)), fromUnit(axis, clamp(to))];
  const [low, high] = a < b ? [a, b] : [b, a];
  if (axis.labels.length > 0) {
    const last = axis.labels.length - 1;
    return [Math.max(0, Math.round(low)), Math.min(last, Math.max(0, Math.round(high)))];
  }
  return [roundTo(axis, low), roundTo(axis, high)];
}

/** To a thousandth of the axis: nobody means more digits, and links stay short. */
function roundTo(axis: Axis, value: number): number {
  if (axis.isInteger) return Math.round(value);
  if (axis.scale === "log") return Number(value.toPrecision(4));
  const unit = 10 ** Math.floor(Math.log10((axis.max - axis.min) / 1_000));
  return Number((Math.round(value / unit) * unit).toPrecision(12));
}

/** Where a range lies on its axis, lower end first; categories with half a step around them. */
export function unitsOfRange(axis: Axis, [low, high]: BrushRange): [number, number] {
  const pad = axis.labels.length > 0 ? 0.5 : 0;
  const a = toUnit(axis, Math.max(axis.min, low - pad));
  const b = toUnit(axis, Math.min(axis.max, high + pad));
  return a < b ? [a, b] : [b, a];
}

export function isMissingRange([, high]: BrushRange): boolean {
  return high === MISSING[1];
}

/** Ranges that touch become one; categories next to one another, too. */
export function joinRanges(axis: Axis, ranges: readonly BrushRange[]): BrushRange[] {
  const gap = axis.labels.length > 0 ? 1 : 0;
  const joined: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && Number.isFinite(last[1]) && low <= last[1] + gap) {
      last[1] = Math.max(last[1], high);
    } else {
      joined.push([low, high]);
    }
  }
  return joined;
}

export function describeRange(axis: Pick<Axis, "labels">, range: BrushRange): string {
  if (isMissingRange(range)) return "no value";
  const [low, high] = range;
  if (axis.labels.length > 0) return axis.labels.slice(low, high + 1).join(", ");
  return low === high ? formatValue(low) : `${formatValue(low)} … ${formatValue(high)}`;
}

// ---- lines

/** How good every row is by the first metric, 0 worst to 1 best by rank; NaN where it has no value. */
export function rankRows(columns: TrialColumns): Float32Array {
  const ranks = new Float32Array(columns.count).fill(Number.NaN);
  const [metric] = columns.metrics;
  if (metric === undefined) return ranks;
  const rows: number[] = [];
  for (let row = 0; row < columns.count; row++) {
    if (!Number.isNaN(metric.numbers[row])) rows.push(row);
  }
  const sign = metric.goal === "maximize" ? 1 : -1;
  rows.sort((a, b) => sign * ((metric.numbers[a] as number) - (metric.numbers[b] as number)));
  rows.forEach((row, place) => {
    ranks[row] = rows.length === 1 ? 1 : place / (rows.length - 1);
  });
  return ranks;
}

/** Heights by axis and row, in pixels from the top; what has no value lies in the lane below. */
export function placeRows(
  axes: readonly Axis[],
  count: number,
  box: { top: number; bottom: number; lane: number },
): Float32Array[] {
  return axes.map((axis) => {
    const places = new Float32Array(count);
    for (let row = 0; row < count; row++) {
      const unit = toUnit(axis, axis.numbers[row] as number);
      places[row] = Number.isNaN(unit) ? box.lane : box.bottom - unit * (box.bottom - box.top);
    }
    return places;
  });
}

/** The drawn line nearest to a point, if one is near. `xs` are the places of the axes. */
export function findNearestRow(
  point: { x: number; y: number },
  rows: ArrayLike<number>,
  xs: readonly number[],
  places: readonly Float32Array[],
  reach: number,
): number | null {
  let at = 0;
  while (at < xs.length - 2 && point.x > (xs[at + 1] as number)) at += 1;
  const [left, right] = [xs[at], xs[at + 1] ?? xs[at]];
  const [from, to] = [places[at], places[at + 1] ?? places[at]];
  if (left === undefined || right === undefined || !from || !to) return null;
  const share = right === left ? 0 : Math.min(1, Math.max(0, (point.x - left) / (right - left)));
  let best: number | null = null;
  let nearest = reach;
  // The last one drawn lies on top: of two that are as near it is the one that is seen.
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i] as number;
    const y = (from[row] as number) * (1 - share) + (to[row] as number) * share;
    const distance = Math.abs(y - point.y);
    if (distance < nearest) {
      nearest = distance;
      best = row;
    }
  }
  return best;
}

/** Numbers, durations and dates as charts write them. One locale-free style, so that screenshots and links agree. */

import type { XAxis } from "~/core/frame";

const SUFFIXES: readonly [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * Labels of axis ticks, all with the same number of decimals.
 *
 * @param ticks ascending values in one unit; may hold null (ticks a log axis leaves unlabelled).
 */
export function formatTicks(ticks: readonly (number | null)[]): string[] {
  const shown = ticks.filter((tick): tick is number => tick !== null);
  const largest = shown.reduce((max, tick) => Math.max(max, Math.abs(tick)), 0);
  const spacing = getSpacing(shown);
  if (largest === 0) return ticks.map((tick) => (tick === null ? "" : "0"));
  if (largest < 1e-3 || largest >= 1e15) {
    return ticks.map((tick) => (tick === null ? "" : formatPower(tick)));
  }
  const [unit, suffix] = pickUnit(largest, spacing);
  const decimals = getDecimals(spacing / unit);
  return ticks.map((tick) => {
    if (tick === null) return "";
    return tick === 0 ? "0" : (tick / unit).toFixed(decimals) + suffix;
  });
}

/** Labels of log ticks: each is written on its own, because decades differ by orders of magnitude. */
export function formatLogTicks(ticks: readonly (number | null)[]): string[] {
  return ticks.map((tick) => {
    if (tick === null) return "";
    const size = Math.abs(tick);
    if (size !== 0 && (size < 1e-3 || size >= 1e15)) return formatPower(tick);
    const [unit, suffix] = SUFFIXES.find(([at]) => size >= at) ?? [1, ""];
    return String(Number((tick / unit).toPrecision(6))) + suffix;
  });
}

/** A value for reading off: up to six significant digits, never misleadingly rounded to 0. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return groupDigits(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return trimExponent(value.toExponential(5));
  return String(Number(value.toPrecision(6)));
}

/** Position on the x axis, for tooltips and tables. */
export function formatX(value: number, axis: XAxis): string {
  if (!Number.isFinite(value)) return "–";
  if (axis === "relative") return formatDuration(value);
  if (axis === "wall") return formatDate(value);
  return axis === "step" ? groupDigits(Math.round(value)) : formatValue(value);
}

/** Seconds as `1d 4h`, `2h 5m`, `3m 20s`, `12.5s`, `40ms`: the two largest units. */
export function formatDuration(seconds: number): string {
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  if (seconds === 0) return "0s";
  if (seconds < 1) return `${Number((seconds * 1e3).toPrecision(3))}ms`;
  if (seconds < 60) return `${Number(seconds.toFixed(1))}s`;
  const whole = Math.round(seconds);
  const [d, h] = [Math.floor(whole / 86_400), Math.floor(whole / 3_600) % 24];
  const [m, s] = [Math.floor(whole / 60) % 60, whole % 60];
  if (d > 0) return join(`${d}d`, h, "h");
  if (h > 0) return join(`${h}h`, m, "m");
  return join(`${m}m`, s, "s");
}

/** Unix seconds as local `2026-03-01 14:05:09`. */
export function formatDate(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1e3);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 run`, `2,000 runs`. */
export function countOf(n: number, noun: string): string {
  return `${groupDigits(n)} ${n === 1 ? noun : `${noun}s`}`;
}

function join(head: string, rest: number, unit: string): string {
  return rest === 0 ? head : `${head} ${rest}${unit}`;
}

function formatPower(value: number): string {
  return value === 0 ? "0" : trimExponent(value.toExponential(2));
}

function trimExponent(text: string): string {
  return text.replace(/\.?0+e/, "e").replace("e+", "e");
}

function getSpacing(ticks: readonly number[]): number {
  let spacing = Number.POSITIVE_INFINITY;
  for (let i = 1; i < ticks.length; i++) {
    const step = Math.abs((ticks[i] as number) - (ticks[i - 1] as number));
    if (step > 0 && step < spacing) spacing = step;
  }
  return Number.isFinite(spacing) ? spacing : Math.abs(ticks[0] ?? 1);
}

/** Plain digits up to 10,000 and where a suffix would need more than three decimals. */
function pickUnit(largest: number, spacing: number): readonly [number, string] {
  if (largest < 10_000 && spacing < 1_000) return [1, ""];
  const unit = SUFFIXES.find(([size]) => largest >= size);
  return unit !== undefined && spacing >= unit[0] / 1e3 ? unit : [1, ""];
}

/** Fewest decimals that write `spacing` without error, at most 6. */
function getDecimals(spacing: number): number {
  for (let decimals = 0; decimals < 6; decimals++) {
    const scaled = spacing * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 6;
}

/** Axis ranges and ticks of line panels: pure arithmetic in data units. */

import type { XAxis } from "~/core/frame";

export type Range = readonly [number, number];

/** Share of the data's height left free above and below. */
const Y_PADDING = 0.05;
/** A log axis shows at most this many decades below the largest value; smaller values run out at the bottom. */
const LOG_DECADES_MAX = 18;
const LOG_TICKS_MAX = 7;

/** The y range to show for data from low to high. Never empty, and not below zero for data that is not. */
export function padRange([low, high]: Range): Range {
  if (low === high) {
    const half = low === 0 ? 1 : Math.abs(low) * 0.1;
    return [low - half, high + half];
  }
  const pad = (high - low) * Y_PADDING;
  // Losses and accuracies live at or above zero: an axis that dips below suggests values that cannot be.
  return [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
}

export function padLogRange([low, high]: Range): Range {
  const floor = Math.max(low, high / 10 ** LOG_DECADES_MAX);
  if (floor === high) return [floor / 2, high * 2];
  const pad = (high / floor) ** Y_PADDING;
  return [floor / pad, high * pad];
}

/** The x range to show: a single point gets some room. */
export function widenRange([low, high]: Range): Range {
  if (low < high) return [low, high];
  const half = low === 0 ? 1 : Math.abs(low) * 0.05;
  return [low - half, high + half];
}

const DECIMAL_STEPS = Array.from({ length: 50 }, (_, i) => i - 20).flatMap((power) =>
  [1, 2, 2.5, 5].map((base) => base * 10 ** power),
);
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const DURATION_STEPS = [
  ...DECIMAL_STEPS.filter((step) => step < 10),
  ...[10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * DAY),
];
const STEP_STEPS = DECIMAL_STEPS.filter((step) => step >= 1 && Number.isInteger(step));

/** Distances that ticks of an x axis may have, ascending. */
export function getTickSteps(axis: XAxis): number[] {
  if (axis === "relative") return DURATION_STEPS;
  return axis === "step" ? STEP_STEPS : DECIMAL_STEPS;
}

/** The range to a thousandth of its width: no one means more digits, and links stay short. */
export function roundRange([low, high]: Range): Range {
  if (!(high > low)) return [low, high];
  const unit = 10 ** Math.floor(Math.log10((high - low) / 1_000));
  const round = (value: number) => Number((Math.round(value / unit) * unit).toPrecision(12));
  return [round(low), round(high)];
}

/** The range zoomed around its middle; factor < 1 zooms in. */
export function zoomRange([low, high]: Range, factor: number): Range {
  const middle = (low + high) / 2;
  const half = ((high - low) / 2) * factor;
  return roundRange([middle - half, middle + half]);
}

/** The range moved by a share of its width. */
export function moveRange([low, high]: Range, share: number): Range {
  const shift = (high - low) * share;
  return roundRange([low + shift, high + shift]);
}

/** Ticks of a log axis: decades, with 2 and 5 in between where fewer than three decades are shown. */
export function listLogTicks([low, high]: Range): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const stride = Math.max(1, Math.ceil((last - first) / LOG_TICKS_MAX));
  const bases = Math.log10(high / low) < 2.5 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = first; power <= last; power += stride) {
    // Not base * 10 ** power: 10 ** -3 * 5 is 0.005 only when it is read from text.
    for (const base of bases) ticks.push(Number(`${base}e${power}`));
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length > 0 ? inside : [low];
}

/** What further trials brought: the best so far, block by block. */

import type { TrialColumns } from "../data";

export interface Gain {
  /** Ended trials of the block, counted from 1. */
  from: number;
  to: number;
  best: number;
  /** By how much the best became better in the block; 0 for the first one, which sets it. */
  gain: number;
}

const BLOCKS = 10;

/** About ten blocks of equal size; the best values only where one is known. */
export function listGains(columns: TrialColumns, rows: Int32Array): Gain[] {
  const metric = columns.metrics[0];
  if (metric === undefined) return [];
  const sign = metric.goal === "maximize" ? 1 : -1;
  const ended = [...rows]
    .filter((row) => !Number.isNaN(columns.endedUs[row] as number))
    .sort((a, b) => (columns.endedUs[a] as number) - (columns.endedUs[b] as number) || a - b);
  const size = Math.max(1, Math.ceil(ended.length / BLOCKS));
  const gains: Gain[] = [];
  let best = Number.NaN;
  for (let from = 0; from < ended.length; from += size) {
    const before = best;
    const block = ended.slice(from, from + size);
    for (const row of block) {
      const value = metric.numbers[row] as number;
      if (Number.isNaN(value)) continue;
      if (Number.isNaN(best) || sign * value > sign * best) best = value;
    }
    if (Number.isNaN(best)) continue;
    const gain = Number.isNaN(before) ? 0 : Math.abs(best - before);
    gains.push({ from: from + 1, to: from + block.length, best, gain });
  }
  return gains;
}

/** How many trials ended since the last improvement; null without one. */
export function sinceImprovement(gains: readonly Gain[]): number | null {
  const last = gains.findLast(({ gain }, i) => gain > 0 || i === 0);
  const end = gains.at(-1);
  return last === undefined || end === undefined ? null : end.to - last.to;
}

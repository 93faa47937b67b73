/** The best value so far against trials, time and cost. */

import type { TrialColumns } from "./data";

export type BestOver = "trials" | "time" | "cost";
export type CostUnit = "usd" | "gpu_hours" | "seconds";

export interface BestPoint {
  row: number;
  x: number;
  y: number;
  /** It was better than all before it. */
  isBest: boolean;
}

export interface BestSeries {
  /** Trials that ended and have a value, in the order in which they ended. */
  points: readonly BestPoint[];
  best: BestPoint | null;
  /** In what cost is counted: money where runs have it, else GPU hours, else the time that they ran. */
  unit: CostUnit | null;
  /** Counted trials that ended without a value. */
  missingCount: number;
}

const US_PER_S = 1e6;

export function listBest(
  columns: TrialColumns,
  rows: Int32Array,
  over: BestOver,
  place = 0,
): BestSeries {
  const metric = columns.metrics[place];
  const unit = over === "cost" ? unitOf(columns, rows) : null;
  if (metric === undefined) return { points: [], best: null, unit, missingCount: 0 };
  const ended = [...rows].filter((row) => !Number.isNaN(columns.endedUs[row] as number));
  ended.sort((a, b) => (columns.endedUs[a] as number) - (columns.endedUs[b] as number) || a - b);
  const startUs = columns.createdUs.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const sign = metric.goal === "maximize" ? -1 : 1;
  const points: BestPoint[] = [];
  let best: BestPoint | null = null;
  let spent = 0;
  let missingCount = 0;
  ended.forEach((row, place) => {
    spent += costOf(columns, row, unit);
    const y = metric.numbers[row] as number;
    if (Number.isNaN(y)) {
      missingCount += 1;
      return;
    }
    const time = ((columns.endedUs[row] as number) - startUs) / US_PER_S;
    const x = over === "trials" ? place + 1 : over === "time" ? time : spent;
    const isBest = best === null || sign * y < sign * best.y;
    const point = { row, x, y, isBest };
    if (isBest) best = point;
    points.push(point);
  });
  return { points, best, unit, missingCount };
}

function unitOf(columns: TrialColumns, rows: Int32Array): CostUnit {
  const has = (numbers: Float64Array) => rows.some((row) => (numbers[row] as number) > 0);
  if (has(columns.usd)) return "usd";
  return has(columns.gpuHours) ? "gpu_hours" : "seconds";
}

function costOf(columns: TrialColumns, row: number, unit: CostUnit | null): number {
  if (unit === null) return 0;
  const numbers = { usd: columns.usd, gpu_hours: columns.gpuHours, seconds: columns.durationS }[
    unit
  ];
  const cost = numbers[row] as number;
  return cost > 0 ? cost : 0;
}

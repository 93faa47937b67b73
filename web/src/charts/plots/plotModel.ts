/** Data of small drawings: lines, points, bars, counts and matrices. */

export interface PlotLine {
  name: string;
  points: readonly (readonly [number, number])[];
  /** Dots on or beside a line. */
  marks?: readonly (readonly [number, number])[];
}

export type PlotData =
  | { kind: "lines" | "points"; lines: readonly PlotLine[]; x: string; y: string }
  | { kind: "bars"; bars: readonly { label: string; value: number }[]; x: string; y: string }
  | { kind: "histogram"; edges: readonly number[]; counts: readonly number[]; x: string }
  | {
      kind: "matrix";
      rows: readonly string[];
      columns: readonly string[];
      /** By row, then by column. */
      values: readonly (readonly number[])[];
      rowName: string;
      columnName: string;
    };

const BINS_MAX = 30;

/** Equal bins over the finite values; the square root of their number, as far as that is readable. */
export function binValues(values: readonly number[]): { edges: number[]; counts: number[] } {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return { edges: [], counts: [] };
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  if (low === high) return { edges: [low - 0.5, high + 0.5], counts: [finite.length] };
  const count = Math.max(1, Math.min(BINS_MAX, Math.ceil(Math.sqrt(finite.length))));
  const width = (high - low) / count;
  const counts = new Array<number>(count).fill(0);
  for (const value of finite) {
    const bin = Math.min(count - 1, Math.floor((value - low) / width));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { edges: Array.from({ length: count + 1 }, (_, i) => low + i * width), counts };
}

/** Round numbers from low to high, about `count` of them. */
export function listTicks(low: number, high: number, count = 5): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5].find((base) => base * power >= raw) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** The range of numbers with room for a single one. */
export function rangeOf(values: Iterable<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** In words, for those who do not see it. */
export function describePlot(data: PlotData): string {
  switch (data.kind) {
    case "lines":
    case "points": {
      const count = data.lines.reduce((sum, line) => sum + line.points.length, 0);
      const noun = data.kind === "lines" ? "line" : "group";
      return `${data.y} over ${data.x}: ${plural(data.lines.length, noun)}, ${plural(count, "point")}`;
    }
    case "bars":
      return `${data.y} by ${data.x}: ${data.bars.map((bar) => `${bar.label} ${Number(bar.value.toPrecision(4))}`).join(", ")}`;
    case "histogram": {
      const total = data.counts.reduce((a, b) => a + b, 0);
      return `How often values of ${data.x} occur: ${plural(Math.round(total), "value")} in ${plural(data.counts.length, "bin")}`;
    }
    case "matrix":
      return `${data.rowName} by ${data.columnName}: ${data.rows.length} × ${data.columns.length}`;
  }
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

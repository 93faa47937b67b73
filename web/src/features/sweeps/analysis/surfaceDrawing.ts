/** The band of a slice and the ground of a contour, on a canvas below the trials. */

import type { Surface } from "~/api/schema";
import { INK, makeSequence } from "~/charts/sequential";
import { type Scale, toPixel } from "./chartModel";
import type { Layer } from "./PointChart";

export interface Ground {
  /** By y, then by x; null where there is nothing. */
  cells: readonly (readonly (number | null)[])[];
  low: number;
  high: number;
}

/** What a contour is coloured by: the mean, or half of its interval. */
export function makeGround(surface: Surface, isUncertainty: boolean): Ground {
  const cells = surface.mean.map((row, j) =>
    row.map((mean, i) => {
      if (!isUncertainty) return mean;
      const [low, high] = [surface.low[j]?.[i], surface.high[j]?.[i]];
      return low == null || high == null ? null : (high - low) / 2;
    }),
  );
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of cells.flat()) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { cells, low, high };
}

export function drawBand(
  { context, x, y, scheme }: Layer,
  places: readonly number[],
  { mean, low, high }: Surface,
  isCategory: boolean,
): void {
  const [means = [], lows = [], highs = []] = [mean[0], low[0], high[0]];
  const [, strong = ""] = makeSequence(scheme, 2);
  const at = (values: readonly (number | null)[], i: number) => {
    const value = values[i];
    return value == null ? Number.NaN : toPixel(y, value);
  };
  const order = places
    .map((_, i) => i)
    .filter(
      (i) => Number.isFinite(at(means, i)) && Number.isFinite(toPixel(x, places[i] as number)),
    )
    .sort((a, b) => (places[a] as number) - (places[b] as number));
  const px = (i: number) => toPixel(x, places[i] as number);
  if (order.length === 0) return;
  context.strokeStyle = context.fillStyle = strong;
  context.lineWidth = 2;
  if (isCategory) {
    for (const i of order) drawWhisker(context, px(i), at(lows, i), at(means, i), at(highs, i));
    return;
  }
  context.globalAlpha = 0.2;
  context.beginPath();
  for (const i of order) context.lineTo(px(i), at(highs, i));
  for (const i of [...order].reverse()) context.lineTo(px(i), at(lows, i));
  context.fill();
  context.globalAlpha = 1;
  context.beginPath();
  for (const i of order) context.lineTo(px(i), at(means, i));
  context.stroke();
}

function drawWhisker(
  context: CanvasRenderingContext2D,
  x: number,
  low: number,
  mean: number,
  high: number,
): void {
  context.globalAlpha = 0.25;
  context.fillRect(x - 16, Math.min(low, high), 32, Math.abs(high - low));
  context.globalAlpha = 1;
  context.fillRect(x - 16, mean - 1, 32, 2);
}

export function drawGround(
  { context, x, y, scheme }: Layer,
  xs: readonly number[],
  ys: readonly number[],
  { cells, low, high }: Ground,
  shades: readonly string[],
): void {
  const [xEdges, yEdges] = [edgesOf(xs, x), edgesOf(ys, y)];
  for (const [j, row] of cells.entries()) {
    for (const [i, value] of row.entries()) {
      const [left, right] = xEdges[i] ?? [0, 0];
      const [top, bottom] = yEdges[j] ?? [0, 0];
      const share = value === null ? 0 : high > low ? (value - low) / (high - low) : 0.5;
      const shade = Math.min(shades.length - 1, Math.floor(share * shades.length));
      context.globalAlpha = value === null ? 0.15 : 0.85;
      context.fillStyle = value === null ? INK[scheme].missing : (shades[shade] ?? "");
      context.fillRect(left, top, right - left, bottom - top);
    }
  }
  context.globalAlpha = 1;
}

/** [from, to] in pixels of the cell around each value: half-way to its neighbours, on screen. */
export function edgesOf(values: readonly number[], scale: Scale): [number, number][] {
  const middles = values.map((value) => toPixel(scale, value));
  const order = middles
    .map((_, i) => i)
    .sort((a, b) => (middles[a] as number) - (middles[b] as number));
  const ends = [Math.min(scale.start, scale.end), Math.max(scale.start, scale.end)];
  const edges: [number, number][] = values.map(() => [0, 0]);
  for (const [place, i] of order.entries()) {
    const [before, after] = [order[place - 1], order[place + 1]];
    const here = middles[i] as number;
    // Whole pixels: no seams between neighbours.
    const half = (other: number | undefined, end: number | undefined) =>
      Math.round(other === undefined ? (end as number) : (here + (middles[other] as number)) / 2);
    edges[i] = [half(before, ends[0]), half(after, ends[1])];
  }
  return edges;
}

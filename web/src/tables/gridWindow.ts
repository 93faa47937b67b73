/** Which rows and columns of a large grid are on screen: pure arithmetic. */

/** Browsers draw nothing beyond about 17 million pixels; taller grids are scrolled by shares of their height. */
export const CANVAS_PX_MAX = 12_000_000;
const ROWS_BEYOND = 6;
const PX_BEYOND = 240;

export interface RowWindow {
  first: number;
  /** The last row with any part on screen or just beyond it; -1 for none. */
  last: number;
  /** What the canvas measures. */
  height: number;
  /** Where row `i` begins on the canvas: `base + i * rowHeight`. */
  base: number;
}

export function windowRows(facts: {
  scrollTop: number;
  viewHeight: number;
  rowHeight: number;
  rowCount: number;
}): RowWindow {
  const { scrollTop, viewHeight, rowHeight, rowCount } = facts;
  const full = rowCount * rowHeight;
  const height = Math.min(full, CANVAS_PX_MAX);
  const offset = height === full ? scrollTop : toOffset(scrollTop, viewHeight, full);
  const first = Math.max(0, Math.floor(offset / rowHeight) - ROWS_BEYOND);
  const last = Math.min(rowCount - 1, Math.ceil((offset + viewHeight) / rowHeight) + ROWS_BEYOND);
  return { first, last, height, base: scrollTop - offset };
}

function toOffset(scrollTop: number, viewHeight: number, full: number): number {
  const way = CANVAS_PX_MAX - viewHeight;
  return way <= 0 ? 0 : (Math.min(scrollTop, way) / way) * (full - viewHeight);
}

/** Where to scroll so that the row is on screen; `scrollTop` itself when it already is. */
export function scrollToRow(
  row: number,
  facts: { scrollTop: number; viewHeight: number; rowHeight: number; rowCount: number },
): number {
  const { scrollTop, viewHeight, rowHeight, rowCount } = facts;
  const full = rowCount * rowHeight;
  const isScaled = full > CANVAS_PX_MAX;
  const offset = isScaled ? toOffset(scrollTop, viewHeight, full) : scrollTop;
  const [top, bottom] = [row * rowHeight, (row + 1) * rowHeight];
  const next = top < offset ? top : bottom > offset + viewHeight ? bottom - viewHeight : offset;
  if (next === offset) return scrollTop;
  if (!isScaled) return next;
  return (next / (full - viewHeight)) * (CANVAS_PX_MAX - viewHeight);
}

/** Left edges of columns that lie beside one another; one more for the right edge of the last. */
export function edgesOf(widths: readonly number[]): number[] {
  const edges = [0];
  for (const width of widths) edges.push((edges.at(-1) ?? 0) + width);
  return edges;
}

/** Columns from `first` to `last` that are on screen. */
export function windowColumns(
  edges: readonly number[],
  scrollLeft: number,
  viewWidth: number,
): { first: number; last: number } {
  const count = edges.length - 1;
  let first = 0;
  while (first < count - 1 && (edges[first + 1] ?? 0) < scrollLeft - PX_BEYOND) first++;
  let last = first;
  while (last < count - 1 && (edges[last + 1] ?? 0) < scrollLeft + viewWidth + PX_BEYOND) last++;
  return { first, last: count === 0 ? -1 : last };
}

/**
 * Which lines of a long log are on screen.
 *
 * All lines have one height. Browsers limit how tall an element may be (Firefox near 17.9 million pixels), so above
 * HEIGHT_MAX_PX the scroll bar is a scale: its position says how far through the lines one is.
 */

export const LINE_PX = 18;
export const HEIGHT_MAX_PX = 12_000_000;

export interface LineWindow {
  /** Line at the upper edge, with its fraction. */
  top: number;
  first: number;
  /** Exclusive. */
  stop: number;
  /** Where the first line stands in the content. */
  offsetPx: number;
}

export function contentHeight(lineCount: number): number {
  return Math.min(lineCount * LINE_PX, HEIGHT_MAX_PX);
}

export function windowAt(
  scrollTop: number,
  viewportPx: number,
  lineCount: number,
  overscan = 20,
): LineWindow {
  const top = topLineAt(scrollTop, viewportPx, lineCount);
  const first = Math.max(0, Math.floor(top) - overscan);
  const stop = Math.min(lineCount, Math.ceil(top + viewportPx / LINE_PX) + overscan);
  return { top, first, stop, offsetPx: scrollTop + (first - top) * LINE_PX };
}

/** The scroll position that puts `line` in the middle. */
export function scrollTopFor(line: number, viewportPx: number, lineCount: number): number {
  const topMax = Math.max(0, lineCount - viewportPx / LINE_PX);
  const top = Math.min(Math.max(0, line - (viewportPx / LINE_PX - 1) / 2), topMax);
  const scrollMax = Math.max(0, contentHeight(lineCount) - viewportPx);
  return topMax === 0 ? 0 : (top / topMax) * scrollMax;
}

function topLineAt(scrollTop: number, viewportPx: number, lineCount: number): number {
  const scrollMax = contentHeight(lineCount) - viewportPx;
  if (scrollMax <= 0) return 0;
  const topMax = lineCount - viewportPx / LINE_PX;
  return (Math.min(Math.max(0, scrollTop), scrollMax) / scrollMax) * topMax;
}

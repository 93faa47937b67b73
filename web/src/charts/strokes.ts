/** Draws the lines of a model on a 2-D canvas: the draw list of a line panel, without axes or interaction. */

import { findFirstAtLeast, type Line, type LineModel, type Mark } from "./lineModel";
import type { Range } from "./scales";

/** Where data coordinates land on the canvas, in canvas pixels. */
export interface Projection {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Range;
  y: Range;
  isLog: boolean;
  /** Canvas pixels per CSS pixel. */
  ratio: number;
}

const LINE_WIDTH = 1.5;
/** Above this many lines thinner ones keep them apart; up to one pixel they are also much cheaper to draw. */
const CROWD_LINES = 12;
const CROWD_WIDTH = 1;
const STRONG_WIDTH = 2.4;
const GHOST_ALPHA = 0.24;
const BAND_ALPHA = 0.13;
const BAND_LINES_MAX = 10;
/** Shade of the surface between the base layer and the highlighted line. */
const VEIL_ALPHA = 0.66;
/** Lines whose points lie at least this far apart show each of them as a dot. */
const DOT_SPACING_PX = 14;
const MARK_PX = 3.5;

export function drawLines(
  ctx: CanvasRenderingContext2D,
  model: LineModel,
  projection: Projection,
): void {
  // uPlot remembers what it set on the context, so everything set here is put back.
  ctx.save();
  withClip(ctx, projection, () => {
    if (model.lines.length <= BAND_LINES_MAX) {
      for (const line of model.lines) drawBand(ctx, line, projection);
    }
    for (const line of model.lines) {
      if (line.y === line.raw) continue;
      ctx.globalAlpha = model.lines.length > CROWD_LINES ? GHOST_ALPHA / 2 : GHOST_ALPHA;
      stroke(ctx, line, line.raw, projection, 1);
      ctx.globalAlpha = 1;
    }
    const width = model.lines.length > CROWD_LINES ? CROWD_WIDTH : LINE_WIDTH;
    for (const line of model.lines) stroke(ctx, line, line.y, projection, width);
  });
  // Not clipped: markers sit on the edge of the plot.
  for (const line of model.lines) drawMarks(ctx, line, projection);
  ctx.restore();
}

/** The highlighted line alone, above a veil of the surface colour. */
export function drawHighlight(
  ctx: CanvasRenderingContext2D,
  line: Line,
  projection: Projection,
  surface: string,
): void {
  ctx.globalAlpha = VEIL_ALPHA;
  ctx.fillStyle = surface;
  ctx.fillRect(projection.left, projection.top, projection.width, projection.height);
  ctx.globalAlpha = 1;
  withClip(ctx, projection, () => {
    drawBand(ctx, line, projection);
    if (line.y !== line.raw) {
      ctx.globalAlpha = GHOST_ALPHA * 1.5;
      stroke(ctx, line, line.raw, projection, 1);
      ctx.globalAlpha = 1;
    }
    stroke(ctx, line, line.y, projection, STRONG_WIDTH);
  });
  drawMarks(ctx, line, projection);
}

export function toCanvasX(x: number, p: Projection): number {
  return p.left + ((x - p.x[0]) / (p.x[1] - p.x[0])) * p.width;
}

/** Not finite for values that a log axis cannot show. */
export function toCanvasY(y: number, p: Projection): number {
  const share = p.isLog
    ? Math.log(y / p.y[0]) / Math.log(p.y[1] / p.y[0])
    : (y - p.y[0]) / (p.y[1] - p.y[0]);
  return p.top + (1 - share) * p.height;
}

function withClip(ctx: CanvasRenderingContext2D, p: Projection, draw: () => void): void {
  ctx.save();
  ctx.beginPath();
  // A line along the edge keeps its full width.
  ctx.rect(p.left, p.top - 2 * p.ratio, p.width, p.height + 4 * p.ratio);
  ctx.clip();
  draw();
  ctx.restore();
}

function stroke(
  ctx: CanvasRenderingContext2D,
  line: Line,
  values: Float64Array,
  p: Projection,
  widthPx: number,
): void {
  const { x, breaks, run } = line;
  ctx.strokeStyle = run.color;
  ctx.lineWidth = widthPx * p.ratio;
  // Joins of a thin line are not seen, and round ones double the cost of a dense chart.
  ctx.lineJoin = "bevel";
  ctx.setLineDash((run.dash ?? []).map((part) => part * p.ratio));
  ctx.beginPath();
  const dots: number[] = [];
  const hasAllDots = getMeanSpacing(x, p) >= DOT_SPACING_PX * p.ratio;
  let isPenDown = false;
  for (let i = 0; i < x.length; i++) {
    const y = toCanvasY(values[i] as number, p);
    if (!Number.isFinite(y)) {
      isPenDown = false;
      continue;
    }
    const px = toCanvasX(x[i] as number, p);
    if (isPenDown && breaks[i] === 0) ctx.lineTo(px, y);
    else ctx.moveTo(px, y);
    const isAlone = (!isPenDown || breaks[i] === 1) && (i + 1 === x.length || breaks[i + 1] === 1);
    if (hasAllDots || isAlone) dots.push(px, y);
    isPenDown = true;
  }
  ctx.stroke();
  ctx.setLineDash([]);
  if (dots.length === 0) return;
  ctx.fillStyle = run.color;
  ctx.beginPath();
  const radius = (widthPx + 0.9) * p.ratio;
  for (let i = 0; i < dots.length; i += 2) {
    const [px, y] = [dots[i] as number, dots[i + 1] as number];
    ctx.moveTo(px + radius, y);
    ctx.arc(px, y, radius, 0, 2 * Math.PI);
  }
  ctx.fill();
}

/** Canvas pixels between two points of the part in view; 0 for a single point, which has a dot anyway. */
function getMeanSpacing(x: Float64Array, p: Projection): number {
  const shown = findFirstAtLeast(x, p.x[1]) - findFirstAtLeast(x, p.x[0]);
  const first = Math.max(p.x[0], x[0] ?? 0);
  const last = Math.min(p.x[1], x[x.length - 1] ?? 0);
  return shown < 2 ? 0 : (toCanvasX(last, p) - toCanvasX(first, p)) / (shown - 1);
}

function drawBand(ctx: CanvasRenderingContext2D, line: Line, p: Projection): void {
  if (line.band === null || line.x.length < 2) return;
  const { lo, hi } = line.band;
  ctx.fillStyle = line.run.color;
  ctx.globalAlpha = BAND_ALPHA;
  ctx.beginPath();
  for (let start = 0; start < line.x.length; ) {
    let end = start + 1;
    while (end < line.x.length && line.breaks[end] === 0) end++;
    for (let i = start; i < end; i++) traceTo(ctx, line, hi, i, p, i === start);
    for (let i = end - 1; i >= start; i--) traceTo(ctx, line, lo, i, p, false);
    ctx.closePath();
    start = end;
  }
  ctx.fill();
  ctx.globalAlpha = 1;
}

function traceTo(
  ctx: CanvasRenderingContext2D,
  line: Line,
  edge: Float64Array,
  index: number,
  p: Projection,
  isFirst: boolean,
): void {
  const y = toCanvasY(edge[index] as number, p);
  // Where a log axis has no place for the edge, the band runs out of the plot.
  const py = Number.isFinite(y) ? y : p.top + p.height * 2;
  const px = toCanvasX(line.x[index] as number, p);
  if (isFirst) ctx.moveTo(px, py);
  else ctx.lineTo(px, py);
}

/** ✕ on the axis for NaN, a triangle at the edge it left through for ±Infinity. */
function drawMarks(ctx: CanvasRenderingContext2D, line: Line, p: Projection): void {
  if (line.marks.length === 0) return;
  const size = MARK_PX * p.ratio;
  ctx.strokeStyle = line.run.color;
  ctx.fillStyle = line.run.color;
  ctx.lineWidth = 1.5 * p.ratio;
  const drawnAt = new Map<Mark["kind"], number>();
  for (const { x, kind } of line.marks) {
    const px = toCanvasX(x, p);
    if (px < p.left - 1 || px > p.left + p.width + 1) continue;
    if (px - (drawnAt.get(kind) ?? Number.NEGATIVE_INFINITY) < size * 4) continue;
    drawnAt.set(kind, px);
    const py = kind === "+Inf" ? p.top : p.top + p.height;
    ctx.beginPath();
    if (kind === "NaN") {
      ctx.moveTo(px - size, py - size);
      ctx.lineTo(px + size, py + size);
      ctx.moveTo(px + size, py - size);
      ctx.lineTo(px - size, py + size);
      ctx.stroke();
      continue;
    }
    const tip = kind === "+Inf" ? -size : size;
    ctx.moveTo(px, py + tip);
    ctx.lineTo(px - size, py - tip);
    ctx.lineTo(px + size, py - tip);
    ctx.fill();
  }
}

/**
 * The lines of parallel coordinates on three canvases: all of them, the selected ones, the one under the pointer.
 *
 * A brush never redraws the first: it is dimmed by the opacity of its element. While a brush is dragged a sample of
 * the selected lines is drawn in every frame; all of them follow, some in each frame, as soon as it rests.
 */

import { cancelDraw, scheduleDraw } from "~/charts/scheduler";
import { findNearestRow } from "./parallelModel";

export interface ParallelView {
  width: number;
  height: number;
  /** Where the axes stand, in CSS pixels. */
  xs: readonly number[];
  /** By axis, then by row. */
  places: readonly Float32Array[];
  /** What is drawn, the best last. */
  rows: Int32Array;
  /** By row: place in `colors`, which go from no value over the worst to the best. */
  colorOf: Uint8Array;
  colors: readonly string[];
  /** By row: 1 = was stopped early, drawn broken. */
  isBroken: Uint8Array;
  /** Of the line under the pointer. */
  strong: string;
}

/** Lines of a frame while a brush is dragged. */
export const DRAGGED_LINES_MAX = 400;
const LINES_PER_FRAME = 250;
const DIMMED = "0.08";
const HIT_PX = 7;
/** A broken line is drawn in so many dashes between two axes. */
const DASHES = 5;

export class ParallelPlot {
  readonly #base: HTMLCanvasElement;
  readonly #chosen: HTMLCanvasElement;
  readonly #hover: HTMLCanvasElement;
  readonly #owners = { base: {}, chosen: {}, hover: {} };
  #view: ParallelView | null = null;
  #mask: Uint8Array | null = null;
  /** Rows that a pointer can mean. */
  #live: Int32Array = new Int32Array();
  /** Lines drawn by the last drawing of the selected; for tests. */
  drawnCount = 0;

  constructor(host: HTMLElement) {
    [this.#base, this.#chosen, this.#hover] = ["all", "selected", "hovered"].map((layer) => {
      const canvas = document.createElement("canvas");
      canvas.dataset.layer = layer;
      host.append(canvas);
      return canvas;
    }) as [HTMLCanvasElement, HTMLCanvasElement, HTMLCanvasElement];
  }

  update(view: ParallelView): void {
    this.#view = view;
    for (const canvas of [this.#base, this.#chosen, this.#hover]) resize(canvas, view);
    this.#drawInParts(this.#base, this.#owners.base, view.rows);
    this.select(this.#mask, false);
  }

  /** Shows these rows as selected; null: all are. */
  select(mask: Uint8Array | null, isDragged: boolean): void {
    this.#mask = mask;
    const view = this.#view;
    if (view === null) return;
    this.#base.style.opacity = mask === null ? "" : DIMMED;
    this.#live = mask === null ? view.rows : view.rows.filter((row) => mask[row] === 1);
    if (mask === null) {
      cancelDraw(this.#owners.chosen);
      clear(this.#chosen);
      return;
    }
    if (!isDragged) {
      this.#drawInParts(this.#chosen, this.#owners.chosen, this.#live);
      return;
    }
    const rows = sample(this.#live, DRAGGED_LINES_MAX);
    scheduleDraw(this.#owners.chosen, () => {
      clear(this.#chosen);
      this.#stroke(this.#chosen, rows, { from: 0, to: rows.length, isDragged: true });
    });
  }

  /** Draws one line strongly; null: none. */
  highlight(row: number | null): void {
    scheduleDraw(this.#owners.hover, () => {
      clear(this.#hover);
      const view = this.#view;
      const context = this.#hover.getContext("2d");
      if (view === null || row === null || context === null) return;
      context.lineWidth = 5;
      context.strokeStyle = view.strong;
      context.globalAlpha = 0.25;
      trace(context, view, row, false);
      context.lineWidth = 2.25;
      context.globalAlpha = 1;
      trace(context, view, row, view.isBroken[row] === 1);
    });
  }

  /** The row whose line is at a point of the plot, or null. */
  find(x: number, y: number): number | null {
    if (this.#view === null) return null;
    return findNearestRow({ x, y }, this.#live, this.#view.xs, this.#view.places, HIT_PX);
  }

  destroy(): void {
    for (const owner of Object.values(this.#owners)) cancelDraw(owner);
    for (const canvas of [this.#base, this.#chosen, this.#hover]) canvas.remove();
  }

  #drawInParts(canvas: HTMLCanvasElement, owner: object, rows: Int32Array): void {
    let next = 0;
    const step = () => {
      if (next === 0) clear(canvas);
      const end = Math.min(rows.length, next + LINES_PER_FRAME);
      this.#stroke(canvas, rows, { from: next, to: end, isDragged: false });
      next = end;
      if (next < rows.length) scheduleDraw(owner, step);
    };
    scheduleDraw(owner, step);
  }

  #stroke(
    canvas: HTMLCanvasElement,
    rows: ArrayLike<number>,
    { from, to, isDragged }: { from: number; to: number; isDragged: boolean },
  ): void {
    const view = this.#view;
    const context = canvas.getContext("2d");
    if (view === null || context === null) return;
    if (canvas === this.#chosen) this.drawnCount = to;
    const total = rows.length;
    // A line of one pixel is drawn without its outline: 400 take 11 ms of CPU, of 1.4 pixels 72 (no GPU).
    context.lineWidth = isDragged || total > DRAGGED_LINES_MAX ? 1 / pixelRatio() : 1.4;
    const faint = total > 1_200 ? 0.1 : total > 300 ? 0.2 : total > 100 ? 0.45 : 0.75;
    for (let i = from; i < to; i++) {
      const row = rows[i] as number;
      const place = view.colorOf[row] as number;
      // Of many lines the best stand out: if all were as strong, those on top would hide the rest.
      const share = place / (view.colors.length - 1);
      context.globalAlpha = faint + (0.9 - faint) * share ** 12;
      context.strokeStyle = view.colors[place] as string;
      trace(context, view, row, view.isBroken[row] === 1);
    }
    context.globalAlpha = 1;
  }
}

/** One line from axis to axis. Dashes by hand: those of the canvas cost several times the line. */
function trace(
  context: CanvasRenderingContext2D,
  { xs, places }: ParallelView,
  row: number,
  isBroken: boolean,
): void {
  context.beginPath();
  let [x, y] = [xs[0] as number, places[0]?.[row] as number];
  if (xs.length === 1) context.moveTo(x - 6, y);
  else context.moveTo(x, y);
  if (xs.length === 1) context.lineTo(x + 6, y);
  for (let axis = 1; axis < xs.length; axis++) {
    const [nextX, nextY] = [xs[axis] as number, places[axis]?.[row] as number];
    if (isBroken) {
      const [dx, dy] = [(nextX - x) / DASHES, (nextY - y) / DASHES];
      for (let dash = 0; dash < DASHES; dash++) {
        context.moveTo(x + dash * dx, y + dash * dy);
        context.lineTo(x + (dash + 0.55) * dx, y + (dash + 0.55) * dy);
      }
    } else {
      context.lineTo(nextX, nextY);
    }
    x = nextX;
    y = nextY;
  }
  context.stroke();
}

/** Every n-th, so that no more than `most` are left and the best, which is last, is among them. */
export function sample(rows: Int32Array, most: number): Int32Array {
  if (rows.length <= most) return rows;
  const every = Math.ceil(rows.length / most);
  const offset = (rows.length - 1) % every;
  return rows.filter((_, i) => i % every === offset);
}

function pixelRatio(): number {
  return Math.min(2, globalThis.devicePixelRatio || 1);
}

function resize(canvas: HTMLCanvasElement, { width, height }: ParallelView): void {
  const ratio = pixelRatio();
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (context !== null && context !== undefined) {
    context.lineJoin = "round";
  }
}

function clear(canvas: HTMLCanvasElement): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.restore();
}

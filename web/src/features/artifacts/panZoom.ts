/** Moving and zooming a drawing in a frame. A point p of the drawing is seen at p·scale + (x, y). */

import type { Point } from "~/core/layered";
import { NODE_HEIGHT, NODE_WIDTH } from "./lineageModel";

export interface View extends Point {
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

const SCALE_MIN = 0.1;
const SCALE_MAX = 2;
/** Smaller than this nothing can be read: what does not fit is left outside then. */
const SCALE_READABLE = 0.55;
const MARGIN_PX = 32;
/** So much of the drawing stays in the frame: an empty frame says nothing of where it is. */
const KEPT_PX = 80;

/** Zooms by `factor`; what is seen at `at` stays there. */
export function zoomAt({ x, y, scale }: View, at: Point, factor: number): View {
  const next = Math.min(SCALE_MAX, Math.max(SCALE_MIN, scale * factor));
  const ratio = next / scale;
  return { x: at.x - (at.x - x) * ratio, y: at.y - (at.y - y) * ratio, scale: next };
}

/** All of the drawing in the middle, never enlarged; a drawing too large to be read that way shows `center`. */
export function fitView(drawing: Size, frame: Size, center: Point): View {
  const [room, height] = [frame.width - 2 * MARGIN_PX, frame.height - 2 * MARGIN_PX];
  if (drawing.width <= 0 || drawing.height <= 0 || room <= 0 || height <= 0) {
    return { x: MARGIN_PX, y: MARGIN_PX, scale: 1 };
  }
  const fitting = Math.min(1, room / drawing.width, height / drawing.height);
  const scale = Math.max(SCALE_READABLE, fitting);
  const place = (size: number, space: number, at: number) => {
    const middle = (space - size * scale) / 2;
    if (size * scale <= space - 2 * MARGIN_PX) return middle;
    // Too large: around the centre, without empty space at an end.
    const wanted = space / 2 - at * scale;
    return Math.min(MARGIN_PX, Math.max(space - MARGIN_PX - size * scale, wanted));
  };
  return {
    x: place(drawing.width, frame.width, center.x),
    y: place(drawing.height, frame.height, center.y),
    scale,
  };
}

/** Moves back as little as needed to keep some of the drawing in the frame. */
export function keepInReach(view: View, drawing: Size, frame: Size): View {
  const clamp = (offset: number, size: number, space: number) => {
    const seen = size * view.scale;
    const kept = Math.min(KEPT_PX, seen, space);
    return Math.max(kept - seen, Math.min(space - kept, offset));
  };
  return {
    x: clamp(view.x, drawing.width, frame.width),
    y: clamp(view.y, drawing.height, frame.height),
    scale: view.scale,
  };
}

/** Moves as little as needed to have the node at `place` in view. */
export function keepVisible(view: View, place: Point, frame: Size): View {
  const shift = (offset: number, start: number, length: number, space: number) => {
    const from = start * view.scale + offset;
    const to = from + length * view.scale;
    if (space <= 0) return offset;
    if (from < MARGIN_PX) return offset + MARGIN_PX - from;
    return to > space - MARGIN_PX ? offset - (to - (space - MARGIN_PX)) : offset;
  };
  return {
    x: shift(view.x, place.x, NODE_WIDTH, frame.width),
    y: shift(view.y, place.y, NODE_HEIGHT, frame.height),
    scale: view.scale,
  };
}

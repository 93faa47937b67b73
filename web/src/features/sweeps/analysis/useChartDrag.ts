/** Pointer and keys of a scatter chart: hover and open single trials, draw a box around several. */

import { useState } from "react";
import type { TrialColumns } from "../data";
import type { TrialSelection } from "../selection";
import { type ChartAxis, findNearest, type Points, rangeBetween, type Scale } from "./chartModel";

const DRAG_PX = 4;

interface DragFacts {
  x: Scale;
  y: Scale;
  points: Points;
  columns: TrialColumns;
  selection: TrialSelection;
  onOpen: ((row: number) => void) | undefined;
}

interface Corner {
  x: number;
  y: number;
}

export function useDrag(frame: React.RefObject<HTMLElement | null>, facts: DragFacts) {
  const { x, y, points, columns, selection, onOpen } = facts;
  const [from, setFrom] = useState<Corner | null>(null);
  const [to, setTo] = useState<Corner | null>(null);
  const cornerOf = (event: React.PointerEvent): Corner => {
    const box = frame.current?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  };
  const idAt = (place: number | null) =>
    place === null ? null : (columns.ids[points.rows[place] as number] ?? null);
  const step = (by: number) => {
    const order = Array.from(points.rows, (_, i) => i).sort(
      (a, b) => (points.xs[a] as number) - (points.xs[b] as number),
    );
    const now = order.findIndex((i) => idAt(i) === selection.hovered);
    const next = order[Math.min(order.length - 1, Math.max(0, now + by))];
    selection.hover(idAt(next ?? null));
  };
  const handlers = {
    onPointerDown: (event: React.PointerEvent) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      setFrom(cornerOf(event));
      setTo(null);
    },
    onPointerMove: (event: React.PointerEvent) => {
      const corner = cornerOf(event);
      if (from !== null && (to !== null || distance(from, corner) > DRAG_PX)) setTo(corner);
      else selection.hover(idAt(findNearest(points, corner.x, corner.y)));
    },
    onPointerUp: (event: React.PointerEvent) => {
      const corner = cornerOf(event);
      if (from !== null && to !== null) selectBox(selection, facts, from, corner);
      else if (from !== null) {
        const found = findNearest(points, corner.x, corner.y);
        if (found !== null) onOpen?.(points.rows[found] as number);
      }
      setFrom(null);
      setTo(null);
    },
    onPointerCancel: () => {
      setFrom(null);
      setTo(null);
    },
    onPointerLeave: () => selection.hover(null),
    onDoubleClick: () => freeAxes(selection, x.axis, y.axis),
    onKeyDown: (event: React.KeyboardEvent) => {
      if (event.key === "ArrowRight") step(1);
      else if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "Escape") freeAxes(selection, x.axis, y.axis);
      else if (event.key === "Enter") {
        const row = columns.ids.indexOf(selection.hovered ?? Number.NaN);
        if (row >= 0) onOpen?.(row);
      } else return;
      event.preventDefault();
    },
  };
  const box =
    from === null || to === null
      ? null
      : {
          left: Math.min(from.x, to.x),
          top: Math.min(from.y, to.y),
          width: Math.abs(to.x - from.x),
          height: Math.abs(to.y - from.y),
        };
  return { handlers, box };
}

const distance = (a: Corner, b: Corner) => Math.hypot(a.x - b.x, a.y - b.y);

/** By ranges where the selection knows both axes, else by picking the trials themselves. */
function selectBox(selection: TrialSelection, facts: DragFacts, from: Corner, to: Corner): void {
  const { x, y, points, columns } = facts;
  if (x.axis.brush !== null && y.axis.brush !== null) {
    selection.brush(x.axis.brush, [rangeBetween(x, from.x, to.x)]);
    selection.brush(y.axis.brush, [rangeBetween(y, from.y, to.y)]);
    return;
  }
  const inside = (value: number, a: number, b: number) =>
    value >= Math.min(a, b) && value <= Math.max(a, b);
  const ids = [...points.rows.keys()]
    .filter(
      (i) =>
        inside(points.xs[i] as number, from.x, to.x) &&
        inside(points.ys[i] as number, from.y, to.y),
    )
    .map((i) => columns.ids[points.rows[i] as number] as number);
  selection.pick(ids.length > 0 ? ids : null);
}

function freeAxes(selection: TrialSelection, x: ChartAxis, y: ChartAxis): void {
  if (x.brush !== null) selection.brush(x.brush, []);
  if (y.brush !== null) selection.brush(y.brush, []);
  selection.pick(null);
}

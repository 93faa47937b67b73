/** Pointers over the plot: a drag on an axis brushes it, a rest over a line names it. */

import { type PointerEvent, type RefObject, useEffect, useMemo, useRef } from "react";
import type { TrialColumns } from "../data";
import { type BrushRange, MISSING, type TrialSelection } from "../selection";
import type { PlotBox } from "./AxisLines";
import type { ParallelPlot } from "./ParallelPlot";
import { type Axis, isMissingRange, joinRanges, rangeBetween, unitsOfRange } from "./parallelModel";

interface Brushing {
  axes: readonly Axis[];
  xs: readonly number[];
  box: PlotBox;
  selection: TrialSelection;
  plot: RefObject<ParallelPlot | null>;
  columns: TrialColumns;
  onOpen: (row: number) => void;
}

interface Drag {
  axis: Axis;
  /** Ranges of the axis that stay as they are. */
  others: readonly BrushRange[];
  /** Shares of the height: one end stays, the other follows; or both follow. */
  from: number;
  to: number;
  isMove: boolean;
  start: number;
  hasMoved: boolean;
}

/** So near to an axis a drag brushes it. */
const REACH_PX = 14;
const EDGE_PX = 6;
const DRAG_MIN_PX = 3;

export function useBrushing(facts: Brushing) {
  const latest = useRef(facts);
  useEffect(() => {
    latest.current = facts;
  });
  const drag = useRef<Drag | null>(null);

  const handlers = useMemo(() => {
    const pointOf = (event: PointerEvent<HTMLElement>) => {
      const { left, top } = event.currentTarget.getBoundingClientRect();
      return { x: event.clientX - left, y: event.clientY - top };
    };
    const unitAt = (y: number) => {
      const { top, bottom } = latest.current.box;
      return (bottom - y) / (bottom - top);
    };
    const axisAt = (x: number): Axis | undefined => {
      const { xs, axes } = latest.current;
      const place = xs.findIndex((each) => Math.abs(each - x) <= REACH_PX);
      return axes[place];
    };

    const onPointerDown = (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0) return;
      const { selection, box } = latest.current;
      const { x, y } = pointOf(event);
      const axis = axisAt(x);
      if (axis === undefined) return;
      event.preventDefault();
      event.currentTarget.setPointerCapture?.(event.pointerId);
      const ranges = selection.brushes.get(axis.name) ?? [];
      if (box.hasLane && y > (box.bottom + box.lane) / 2) {
        const has = ranges.some(isMissingRange);
        selection.brush(
          axis.name,
          has ? ranges.filter((range) => !isMissingRange(range)) : [...ranges, MISSING],
        );
        return;
      }
      drag.current = beginDrag(axis, ranges, unitAt(y), EDGE_PX / (box.bottom - box.top));
    };
    const onPointerMove = (event: PointerEvent<HTMLElement>) => {
      const { selection, plot, box, columns } = latest.current;
      const { x, y } = pointOf(event);
      const held = drag.current;
      if (held === null) {
        const row = plot.current?.find(x, y) ?? null;
        selection.hover(row === null ? null : (columns.ids[row] ?? null));
        event.currentTarget.style.cursor =
          axisAt(x) === undefined ? (row === null ? "" : "pointer") : "crosshair";
        return;
      }
      const unit = unitAt(y);
      if (!held.hasMoved && Math.abs(unit - held.start) * (box.bottom - box.top) < DRAG_MIN_PX) {
        return;
      }
      held.hasMoved = true;
      selection.isDragged = true;
      selection.brush(held.axis.name, [...held.others, rangeOfDrag(held, unit)]);
    };
    const end = () => {
      const held = drag.current;
      drag.current = null;
      const { selection } = latest.current;
      if (held === null) return;
      const ranges = selection.brushes.get(held.axis.name) ?? [];
      selection.isDragged = false;
      // A click: on a range takes it away, beside it all of the axis.
      if (!held.hasMoved) selection.brush(held.axis.name, held.isMove ? held.others : []);
      else selection.brush(held.axis.name, joinRanges(held.axis, ranges));
    };
    return {
      onPointerDown,
      onPointerMove,
      onPointerUp: end,
      onPointerCancel: end,
      onPointerLeave: () => {
        if (drag.current === null) latest.current.selection.hover(null);
      },
      onClick: (event: { clientX: number; clientY: number; currentTarget: HTMLElement }) => {
        const { left, top } = event.currentTarget.getBoundingClientRect();
        const [x, y] = [event.clientX - left, event.clientY - top];
        if (axisAt(x) !== undefined) return;
        const row = latest.current.plot.current?.find(x, y) ?? null;
        if (row !== null) latest.current.onOpen(row);
      },
    };
  }, []);
  return handlers;
}

/** At an end of a range that end follows, inside of it all of it, and elsewhere a new one begins. */
function beginDrag(axis: Axis, ranges: readonly BrushRange[], at: number, edge: number): Drag {
  for (const range of ranges.filter((each) => !isMissingRange(each))) {
    const [low, high] = unitsOfRange(axis, range);
    const others = ranges.filter((each) => each !== range);
    const common = { axis, others, start: at, hasMoved: false };
    if (Math.abs(at - low) <= edge) return { ...common, from: high, to: low, isMove: false };
    if (Math.abs(at - high) <= edge) return { ...common, from: low, to: high, isMove: false };
    if (at > low && at < high) return { ...common, from: low, to: high, isMove: true };
  }
  return { axis, others: ranges, from: at, to: at, isMove: false, start: at, hasMoved: false };
}

function rangeOfDrag({ axis, from, to, isMove, start }: Drag, at: number): BrushRange {
  if (!isMove) return rangeBetween(axis, from, at);
  const size = to - from;
  const low = Math.min(1 - size, Math.max(0, from + at - start));
  // Half a step is drawn around categories; what is meant lies within.
  const pad = axis.labels.length > 0 ? 0.5 / axis.labels.length : 0;
  return rangeBetween(axis, low + pad, low + size - pad);
}

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { INK, makeSequence } from "~/charts/sequential";
import { useScheme } from "~/theme/theme";
import type { TrialColumns } from "../data";
import type { TrialSelection } from "../selection";
import { AxisHead } from "./AxisHead";
import { AxisLines } from "./AxisLines";
import { Brushes } from "./Brushes";
import styles from "./ParallelCoordinates.module.css";
import { ParallelPlot, type ParallelView } from "./ParallelPlot";
import { type Axis, type AxisLayout, placeRows, rankRows } from "./parallelModel";
import { useBrushing } from "./useBrushing";

interface ParallelCoordinatesProps {
  columns: TrialColumns;
  /** Rows that are drawn and counted. */
  rows: Int32Array;
  axes: readonly Axis[];
  selection: TrialSelection;
  onLayout: (layout: Partial<AxisLayout>) => void;
  layout: AxisLayout;
  onRange: (axis: Axis) => void;
  onOpen: (row: number) => void;
}

const HEIGHT = 320;
const TOP = 10;
const LANE_PX = 26;
const [LEFT, RIGHT] = [64, 56];
const AXIS_GAP_MIN = 88;
const COLORS = 32;
const WIDTH_FIRST = 1_024;

/** One line per trial over axes that can be brushed, moved, flipped and stretched. */
export function ParallelCoordinates(props: ParallelCoordinatesProps) {
  const { columns, rows, axes, selection, layout, onLayout, onRange, onOpen } = props;
  const scheme = useScheme();
  const [frame, frameWidth] = useFrameWidth();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<ParallelPlot | null>(null);
  const hasLane = useMemo(() => hasMissing(axes, rows), [axes, rows]);
  const width = Math.max(frameWidth, LEFT + RIGHT + AXIS_GAP_MIN * (axes.length - 1));
  const gap = axes.length > 1 ? (width - LEFT - RIGHT) / (axes.length - 1) : 0;
  const bottom = HEIGHT - 8 - (hasLane ? LANE_PX : 0);
  const box = useMemo(() => ({ top: TOP, bottom, lane: HEIGHT - 14, hasLane }), [bottom, hasLane]);
  const xs = useMemo(() => axes.map((_, i) => LEFT + i * gap), [axes, gap]);
  const ranks = useMemo(() => rankRows(columns), [columns]);
  const view = useMemo((): ParallelView => {
    const colorOf = new Uint8Array(columns.count);
    const isBroken = new Uint8Array(columns.count);
    for (let row = 0; row < columns.count; row++) {
      const rank = ranks[row] as number;
      colorOf[row] = Number.isNaN(rank) ? 0 : 1 + Math.round(rank * (COLORS - 1));
      isBroken[row] = columns.outcomes[row] === "stopped" ? 1 : 0;
    }
    return {
      ...{ width, height: HEIGHT, xs, colorOf, isBroken },
      places: placeRows(axes, columns.count, box),
      rows: Int32Array.from(rows).sort((a, b) => orderOf(ranks[a]) - orderOf(ranks[b])),
      colors: [INK[scheme].missing, ...makeSequence(scheme, COLORS)],
      strong: INK[scheme].strong,
    };
  }, [columns, rows, axes, xs, width, box, ranks, scheme]);

  useEffect(() => {
    if (host.current === null) return;
    const made = new ParallelPlot(host.current);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, []);
  const handlers = useBrushing({ axes, xs, box, selection, plot, onOpen, columns });
  useEffect(() => {
    plot.current?.update(view);
    plot.current?.select(selection.mask, false);
  }, [view, selection]);
  useEffect(() => {
    const follow = () => plot.current?.select(selection.mask, selection.isDragged);
    return selection.subscribe(follow);
  }, [selection]);
  useEffect(() => {
    const rowOf = new Map(Array.from(columns.ids, (id, row) => [id, row]));
    return selection.subscribeHover(() => {
      const { hovered } = selection;
      plot.current?.highlight(hovered === null ? null : (rowOf.get(hovered) ?? null));
    });
  }, [selection, columns]);

  const move = useCallback(
    (name: string, to: number) => onLayout({ axes: moveName(axes, name, to) }),
    [axes, onLayout],
  );
  const remove = useCallback(
    (name: string) =>
      onLayout({ axes: axes.map((axis) => axis.name).filter((each) => each !== name) }),
    [axes, onLayout],
  );
  return (
    <figure
      className={styles.figure}
      aria-label={describe(axes, rows.length)}
      data-drawing="parallel"
    >
      <div ref={frame} className={styles.scroller}>
        <div className={styles.sized} style={{ width }}>
          <div className={styles.heads}>
            {axes.map((axis, i) => (
              <AxisHead
                key={axis.name}
                {...{ axis, layout, onLayout, onRange, selection }}
                place={i}
                count={axes.length}
                x={xs[i] ?? 0}
                gap={gap}
                onMove={move}
                onRemove={remove}
              />
            ))}
          </div>
          <div
            ref={host}
            className={styles.plot}
            style={{ height: HEIGHT }}
            {...handlers}
            data-testid="parallel-plot"
          >
            <svg className={styles.overlay} width={width} height={HEIGHT} aria-hidden="true">
              <AxisLines {...{ axes, xs, box, width }} />
              <Brushes {...{ axes, xs, box, selection }} />
            </svg>
          </div>
        </div>
      </div>
    </figure>
  );
}

/** Lines without a value lie under all others. */
function orderOf(rank: number | undefined): number {
  return rank === undefined || Number.isNaN(rank) ? -1 : rank;
}

function hasMissing(axes: readonly Axis[], rows: Int32Array): boolean {
  return axes.some(({ numbers }) => rows.some((row) => Number.isNaN(numbers[row] as number)));
}

export function moveName(axes: readonly Axis[], name: string, to: number): string[] {
  const names: string[] = axes.map((axis) => axis.name);
  const from = names.indexOf(name);
  if (from < 0) return names;
  names.splice(from, 1);
  names.splice(Math.max(0, Math.min(names.length, to)), 0, name);
  return names;
}

function describe(axes: readonly Axis[], count: number): string {
  const labels = axes.map(({ label }) => label).join(", ");
  return `Parallel coordinates of ${count.toLocaleString("en-US")} trials over ${labels}`;
}

function useFrameWidth(): [(element: HTMLElement | null) => void, number] {
  const [width, setWidth] = useState(WIDTH_FIRST);
  const observer = useRef<ResizeObserver | null>(null);
  const setElement = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (element === null) return;
    setWidth(element.clientWidth || WIDTH_FIRST);
    if (typeof ResizeObserver === "undefined") return;
    observer.current = new ResizeObserver(() => setWidth(element.clientWidth || WIDTH_FIRST));
    observer.current.observe(element);
  }, []);
  return [setElement, width];
}

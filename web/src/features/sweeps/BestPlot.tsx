import { useEffect, useMemo, useRef, useState } from "react";
import { formatDuration, formatTicks, formatValue } from "~/charts/format";
import { listTicks, rangeOf } from "~/charts/plots/plotModel";
import { padRange } from "~/charts/scales";
import { cancelDraw, scheduleDraw } from "~/charts/scheduler";
import { INK, makeSequence } from "~/charts/sequential";
import { useScheme } from "~/theme/theme";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import { Select } from "~/ui/Select";
import styles from "./BestPlot.module.css";
import { type BestOver, type BestPoint, type BestSeries, listBest } from "./bestModel";
import type { TrialColumns } from "./data";
import { type TrialSelection, useHoveredTrial } from "./selection";
import { useSettledSelection } from "./useSettledSelection";

interface BestPlotProps {
  columns: TrialColumns;
  rows: Int32Array;
  over: BestOver;
  selection: TrialSelection;
  onOver: (over: BestOver) => void;
  onOpen: (row: number) => void;
}

const CHOICES = [
  { value: "trials", label: "trials" },
  { value: "time", label: "time" },
  { value: "cost", label: "cost" },
] as const;
const AXIS_LABELS = {
  trials: "trials that ended",
  time: "since the first trial began",
  usd: "spent, $",
  gpu_hours: "GPU hours",
  seconds: "time of all runs together",
} as const;
const HEIGHT = 260;
const [LEFT, RIGHT, TOP, BOTTOM] = [60, 16, 10, 38];
const HIT_PX = 10;

/** How soon the search found what it found. */
export function BestPlot({ columns, rows, over, selection, onOver, onOpen }: BestPlotProps) {
  const series = useMemo(() => listBest(columns, rows, over), [columns, rows, over]);
  const metric = columns.metrics[0];
  return (
    <Card
      title={metric === undefined ? "Best so far" : `Best ${metric.name} so far`}
      action={<Select label="against" value={over} choices={CHOICES} onChoose={onOver} />}
    >
      {series.best === null || metric === undefined ? (
        <EmptyState
          title="No value yet"
          text={
            metric === undefined
              ? "The configuration names no metric."
              : `No counted trial has ended with a value of ${metric.name}.`
          }
        />
      ) : (
        <Drawing {...{ columns, series, over, selection, onOpen }} />
      )}
    </Card>
  );
}

interface DrawingProps {
  columns: TrialColumns;
  series: BestSeries;
  over: BestOver;
  selection: TrialSelection;
  onOpen: (row: number) => void;
}

function Drawing({ columns, series, over, selection, onOpen }: DrawingProps) {
  const scheme = useScheme();
  const frame = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(frame);
  const scales = useMemo(() => makeScales(series, columns, width), [series, columns, width]);
  const { toX, toY } = scales;

  // A thousand points in every frame of a brush would cost more than the brush.
  const settled = useSettledSelection(selection);
  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn again with every selection that rests
  useEffect(() => {
    const owner = {};
    scheduleDraw(owner, () => {
      if (canvas.current !== null) {
        drawPoints(canvas.current, { series, columns, selection, scheme, width, ...scales });
      }
    });
    return () => cancelDraw(owner);
  }, [series, columns, selection, settled, scheme, width, scales]);

  const find = (event: React.PointerEvent<HTMLElement> | React.MouseEvent<HTMLElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return findPoint(series.points, event.clientX - left, event.clientY - top, scales);
  };
  const axis = over === "cost" ? AXIS_LABELS[series.unit ?? "seconds"] : AXIS_LABELS[over];
  const isTime = over === "time" || series.unit === "seconds";
  const xTexts = isTime ? scales.xTicks.map(formatDuration) : formatTicks(scales.xTicks);
  const yTexts = formatTicks(scales.yTicks);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table of trials opens the same by keys
    <figure
      ref={frame}
      className={styles.plot}
      style={{ height: HEIGHT }}
      aria-label={describe(series, columns, axis)}
      onPointerMove={(event) => selection.hover(idOf(columns, find(event)))}
      onPointerLeave={() => selection.hover(null)}
      onClick={(event) => {
        const point = find(event);
        if (point !== null) onOpen(point.row);
      }}
    >
      <svg width={width} height={HEIGHT} aria-hidden="true">
        {scales.yTicks.map((tick, i) => (
          <g key={tick}>
            <line
              className={styles.grid}
              x1={LEFT}
              x2={width - RIGHT}
              y1={toY(tick)}
              y2={toY(tick)}
            />
            <text className={styles.tick} x={LEFT - 6} y={toY(tick) + 4} textAnchor="end">
              {yTexts[i]}
            </text>
          </g>
        ))}
        {scales.xTicks.map((tick, i) => (
          <text
            key={tick}
            className={styles.tick}
            x={toX(tick)}
            y={HEIGHT - BOTTOM + 16}
            textAnchor="middle"
          >
            {xTexts[i]}
          </text>
        ))}
        <text className={styles.name} x={(width + LEFT) / 2} y={HEIGHT - 5} textAnchor="middle">
          {axis}
        </text>
      </svg>
      <canvas ref={canvas} />
      <Pointed {...{ columns, series, selection, toX, toY }} />
    </figure>
  );
}

interface Scales {
  toX: (value: number) => number;
  toY: (value: number) => number;
  xTicks: readonly number[];
  yTicks: readonly number[];
}

function makeScales(series: BestSeries, columns: TrialColumns, width: number): Scales {
  const last = series.points.reduce((most, { x }) => Math.max(most, x), 0) || 1;
  const target = columns.metrics[0]?.target;
  const ys = series.points.map(({ y }) => y);
  const [low, high] = padRange(rangeOf(target == null ? robust(series) : [...ys, target]));
  return {
    toX: (value) => LEFT + (value / last) * (width - LEFT - RIGHT),
    // What lies outside, a few diverged trials, is drawn at the edge: it would press all others flat.
    toY: (value) =>
      HEIGHT -
      BOTTOM -
      Math.min(1, Math.max(0, (value - low) / (high - low))) * (HEIGHT - TOP - BOTTOM),
    xTicks: listTicks(0, last, Math.max(2, Math.floor(width / 110))),
    yTicks: listTicks(low, high, 5),
  };
}

/** The values without the worst outliers, the best always among them. */
function robust({ points, best }: BestSeries): number[] {
  const ys = points.map(({ y }) => y).sort((a, b) => a - b);
  const at = (share: number) => ys[Math.round(share * (ys.length - 1))] as number;
  const spread = at(0.75) - at(0.25);
  const inside = ys.filter((y) => y >= at(0.25) - 4 * spread && y <= at(0.75) + 4 * spread);
  return spread > 0 && best !== null ? [...inside, best.y] : ys;
}

interface DrawFacts extends Scales {
  series: BestSeries;
  columns: TrialColumns;
  selection: TrialSelection;
  scheme: "light" | "dark";
  width: number;
}

function drawPoints(canvas: HTMLCanvasElement, facts: DrawFacts): void {
  const { series, columns, selection, scheme, width, toX, toY } = facts;
  const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${HEIGHT}px`;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const [, strong = ""] = makeSequence(scheme, 2);
  const target = columns.metrics[0]?.target;
  if (target != null) {
    context.strokeStyle = INK[scheme].missing;
    context.setLineDash([4, 4]);
    context.strokeRect(LEFT, toY(target), width - LEFT - RIGHT, 0);
    context.setLineDash([]);
  }
  for (const { row, x, y } of series.points) {
    const isStopped = columns.outcomes[row] === "stopped";
    context.globalAlpha = selection.isSelected(row) ? 0.75 : 0.08;
    context.beginPath();
    context.arc(toX(x), toY(y), 2.5, 0, 2 * Math.PI);
    context.strokeStyle = context.fillStyle = INK[scheme].missing;
    // Hollow: it was stopped early, and its value is of that moment.
    if (isStopped) context.stroke();
    else context.fill();
  }
  context.globalAlpha = 1;
  context.strokeStyle = strong;
  context.fillStyle = strong;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  let lastY: number | null = null;
  for (const { x, y, isBest } of series.points) {
    if (!isBest) continue;
    if (lastY === null) context.moveTo(toX(x), toY(y));
    else context.lineTo(toX(x), lastY);
    context.lineTo(toX(x), toY(y));
    lastY = toY(y);
  }
  if (lastY !== null) context.lineTo(width - RIGHT, lastY);
  context.stroke();
  for (const { x, y, isBest } of series.points) {
    if (!isBest) continue;
    context.beginPath();
    context.arc(toX(x), toY(y), 3, 0, 2 * Math.PI);
    context.fill();
  }
}

interface PointedProps extends Pick<Scales, "toX" | "toY"> {
  columns: TrialColumns;
  series: BestSeries;
  selection: TrialSelection;
}

/** A ring around the trial that is pointed at anywhere on the page. */
function Pointed({ columns, series, selection, toX, toY }: PointedProps) {
  const hovered = useHoveredTrial(selection);
  const point = series.points.find(({ row }) => columns.ids[row] === hovered);
  if (point === undefined) return null;
  return <span className={styles.ring} style={{ left: toX(point.x), top: toY(point.y) }} />;
}

function findPoint(
  points: readonly BestPoint[],
  x: number,
  y: number,
  { toX, toY }: Scales,
): BestPoint | null {
  let [best, nearest]: [BestPoint | null, number] = [null, HIT_PX];
  for (const point of points) {
    const distance = Math.hypot(toX(point.x) - x, toY(point.y) - y);
    if (distance < nearest) [best, nearest] = [point, distance];
  }
  return best;
}

function idOf(columns: TrialColumns, point: BestPoint | null): number | null {
  return point === null ? null : (columns.ids[point.row] ?? null);
}

function describe({ points, best }: BestSeries, columns: TrialColumns, axis: string): string {
  const metric = columns.metrics[0]?.name ?? "value";
  if (best === null) return `Best ${metric} so far: nothing yet`;
  const improvements = points.filter(({ isBest }) => isBest).length;
  return `Best ${metric} so far against ${axis}: ${formatValue(best.y)} of trial ${columns.ids[best.row]}, after ${improvements} improvements in ${points.length} trials`;
}

function useWidth(ref: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const take = () => setWidth(element.clientWidth || 640);
    take();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(take);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

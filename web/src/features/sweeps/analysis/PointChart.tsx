import { useEffect, useMemo, useRef, useState } from "react";
import { countOf } from "~/charts/format";
import { cancelDraw, scheduleDraw } from "~/charts/scheduler";
import { INK } from "~/charts/sequential";
import { useScheme } from "~/theme/theme";
import type { TrialColumns } from "../data";
import { type TrialSelection, useHoveredTrial } from "../selection";
import {
  type ChartAxis,
  makeScale,
  type Points,
  placePoints,
  type Scale,
  shorten,
  writeValue,
} from "./chartModel";
import styles from "./PointChart.module.css";
import { useDrag } from "./useChartDrag";

export interface Layer {
  context: CanvasRenderingContext2D;
  x: Scale;
  y: Scale;
  scheme: "light" | "dark";
}

interface PointChartProps {
  /** What it shows, for those who do not see it. */
  title: string;
  columns: TrialColumns;
  rows: Int32Array;
  x: ChartAxis;
  y: ChartAxis;
  selection: TrialSelection;
  /** By row; the ink of the theme where there is none. */
  colors?: readonly string[] | null;
  /** Drawn larger and last: the front. */
  strong?: ReadonlySet<number> | null;
  /** Values that have to be on the axes, too. */
  moreX?: readonly number[];
  moreY?: readonly number[];
  /** Drawn below and above the points; must not change without need. */
  under?: ((layer: Layer) => void) | null;
  over?: ((layer: Layer) => void) | null;
  height?: number;
  /** Dots with a rim, for a coloured ground. */
  hasRim?: boolean;
  onOpen?: (row: number) => void;
}

const [LEFT, RIGHT, TOP, BOTTOM] = [62, 14, 10, 38];
const LABEL_CHARS_MAX = 26;
const CROWD = 300; // so many dots are smaller, and have no rim
const NONE: readonly number[] = [];

/** Trials by two of their numbers. A drag selects everywhere on the page; a double click takes that back. */
export function PointChart({
  title,
  columns,
  rows,
  x: xAxis,
  y: yAxis,
  selection,
  colors = null,
  strong = null,
  moreX = NONE,
  moreY = NONE,
  under = null,
  over = null,
  height = 280,
  hasRim = false,
  onOpen,
}: PointChartProps) {
  const scheme = useScheme();
  const frame = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(frame);
  const x = useMemo(
    () => makeScale(xAxis, rows, moreX, [LEFT, width - RIGHT], Math.max(2, width / 90)),
    [xAxis, rows, moreX, width],
  );
  const y = useMemo(
    () => makeScale(yAxis, rows, moreY, [height - BOTTOM, TOP]),
    [yAxis, rows, moreY, height],
  );
  const points = useMemo(() => placePoints(rows, x, y), [rows, x, y]);
  // The others show the trial, too, and would say it as well.
  const [isSpoken, setIsSpoken] = useState(false);
  const drag = useDrag(frame, { x, y, points, columns, selection, onOpen });

  useEffect(() => {
    const owner = {};
    const facts = { x, y, points, selection, colors, strong, under, over, scheme, hasRim };
    const draw = () =>
      scheduleDraw(owner, () => {
        if (canvas.current !== null) drawChart(canvas.current, width, height, facts);
      });
    draw();
    const leave = selection.subscribe(draw);
    return () => {
      leave();
      cancelDraw(owner);
    };
  }, [x, y, points, selection, colors, strong, under, over, scheme, hasRim, width, height]);

  const shown = points.rows.length;
  const summary = `${title}: ${yAxis.label} over ${xAxis.label}, ${countOf(shown, "trial")}. Arrow keys walk through them.`;
  return (
    <div className={styles.chart}>
      <figure
        ref={frame}
        className={styles.frame}
        style={{ height }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk through the points
        tabIndex={0}
        aria-label={summary}
        onFocus={() => setIsSpoken(true)}
        onBlur={() => setIsSpoken(false)}
        {...drag.handlers}
      >
        <Axes {...{ x, y, width, height }} />
        <canvas ref={canvas} />
        {drag.box !== null && <span className={styles.box} style={drag.box} />}
        <Pointed {...{ columns, points, x, y, selection, width, isSpoken }} />
      </figure>
      {(points.missingCount > 0 || points.outsideCount > 0) && (
        <p className={styles.note}>
          {points.missingCount > 0 && `${countOf(points.missingCount, "trial")} without a value. `}
          {points.outsideCount > 0 && `${countOf(points.outsideCount, "trial")} beyond the edge.`}
        </p>
      )}
    </div>
  );
}

function Axes({ x, y, width, height }: { x: Scale; y: Scale; width: number; height: number }) {
  const middle = (height - BOTTOM + TOP) / 2;
  return (
    <svg width={width} height={height} aria-hidden="true">
      {y.ticks.map(({ value, text }) => (
        <g key={value}>
          <line
            className={styles.grid}
            x1={LEFT}
            x2={width - RIGHT}
            y1={at(y, value)}
            y2={at(y, value)}
          />
          <text className={styles.tick} x={LEFT - 6} y={at(y, value) + 4} textAnchor="end">
            {text.length > 8 ? `${text.slice(0, 7)}…` : text}
          </text>
        </g>
      ))}
      {x.ticks.map(({ value, text }) => (
        <text
          key={value}
          className={styles.tick}
          x={at(x, value)}
          y={height - BOTTOM + 16}
          textAnchor="middle"
        >
          {text}
        </text>
      ))}
      <text className={styles.name} x={(width + LEFT) / 2} y={height - 5} textAnchor="middle">
        {nameOf(x.axis, "→", "←")}
      </text>
      <text
        className={styles.name}
        transform={`translate(12 ${middle}) rotate(-90)`}
        textAnchor="middle"
      >
        {nameOf(y.axis, "→", "←")}
      </text>
    </svg>
  );
}

function nameOf({ label: full, goal }: ChartAxis, more: string, less: string): string {
  const label = shorten(full, LABEL_CHARS_MAX);
  if (goal === undefined) return label;
  return goal === "maximize"
    ? `${label} (more is better ${more})`
    : `${label} (${less} less is better)`;
}

function at(scale: Scale, value: number): number {
  const { axis, low, high, start, end } = scale;
  const share =
    axis.scale === "log"
      ? Math.log(value / low) / Math.log(high / low)
      : (value - low) / (high - low);
  return start + share * (end - start);
}

interface DrawFacts {
  x: Scale;
  y: Scale;
  points: Points;
  selection: TrialSelection;
  colors: readonly string[] | null;
  strong: ReadonlySet<number> | null;
  under: ((layer: Layer) => void) | null;
  over: ((layer: Layer) => void) | null;
  scheme: "light" | "dark";
  hasRim: boolean;
}

function drawChart(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  facts: DrawFacts,
): void {
  const { x, y, points, selection, colors, strong, under, over, scheme, hasRim } = facts;
  const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const layer = { context, x, y, scheme };
  under?.(layer);
  const ink = INK[scheme];
  const plain = colors === null ? ink.missing : null;
  const isCrowd = points.rows.length > CROWD;
  const isRimmed = hasRim && !isCrowd;
  const paint = (i: number, radius: number, isStrong: boolean) => {
    const row = points.rows[i] as number;
    const isIn = selection.isSelected(row);
    context.globalAlpha = isIn ? (isStrong ? 1 : 0.7) : 0.08;
    const isInk = plain !== null && (isStrong || (hasRim && isCrowd));
    context.fillStyle = isInk ? ink.strong : (colors?.[row] ?? ink.missing);
    context.beginPath();
    context.arc(points.xs[i] as number, points.ys[i] as number, radius, 0, 2 * Math.PI);
    context.fill();
    if (isRimmed || isStrong) {
      context.lineWidth = 1.25;
      context.strokeStyle = hasRim && scheme === "light" ? "#ffffff" : ink.strong;
      context.stroke();
    }
  };
  const last: number[] = [];
  for (let i = 0; i < points.rows.length; i++) {
    if (strong?.has(points.rows[i] as number)) last.push(i);
    else paint(i, isCrowd ? 2 : 3, false);
  }
  context.globalAlpha = 1;
  over?.(layer);
  for (const i of last) paint(i, 4.5, true);
  context.globalAlpha = 1;
}

interface PointedProps {
  columns: TrialColumns;
  points: Points;
  x: Scale;
  y: Scale;
  selection: TrialSelection;
  width: number;
  isSpoken: boolean;
}

/** A ring and the values of the trial that is pointed at anywhere on the page. */
function Pointed({ columns, points, x, y, selection, width, isSpoken }: PointedProps) {
  const hovered = useHoveredTrial(selection);
  const row = hovered === null ? -1 : columns.ids.indexOf(hovered);
  const place = row < 0 ? -1 : points.rows.indexOf(row);
  const role = isSpoken ? "status" : undefined;
  if (place < 0) return <span className="visually-hidden" role={role} />;
  const [left, top] = [points.xs[place] as number, points.ys[place] as number];
  const isRight = left > width / 2;
  return (
    <>
      <span className={styles.ring} style={{ left, top }} />
      <span
        className={styles.label}
        style={isRight ? { right: width - left + 12, top } : { left: left + 12, top }}
        role={role}
      >
        <b>{columns.names[row]}</b> {x.axis.label} {writeValue(x.axis, row)}, {y.axis.label}{" "}
        {writeValue(y.axis, row)}
      </span>
    </>
  );
}

function useWidth(ref: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(520);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const take = () => setWidth(element.clientWidth || 520);
    take();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(take);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

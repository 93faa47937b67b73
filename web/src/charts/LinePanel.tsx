import {
  type KeyboardEvent,
  lazy,
  Suspense,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { Frame, XAxis } from "~/core/frame";
import type { Highlight } from "~/core/highlight";
import { useScheme } from "~/theme/theme";
import { Button, IconButton } from "~/ui/Button";
import "uplot/dist/uPlot.min.css";
import { getChartTheme } from "./chartTheme";
import { countOf, formatValue, formatX, groupDigits } from "./format";
import styles from "./LinePanel.module.css";
import {
  buildLines,
  countMarks,
  countNotPositive,
  type PanelRun,
  readPoints,
  summarize,
} from "./lineModel";
import { LinePlot, type PlotView, type PointerReading } from "./linePlot";
import { describeReading, hideTooltip, showTooltip } from "./pointerTooltip";
import { moveRange, type Range, zoomRange } from "./scales";

const LineTable = lazy(() => import("./LineTable"));

export interface ChartAxis {
  axis: XAxis;
  /** Metric on the x axis when axis is "metric". */
  key?: string;
}

export interface LinePanelProps {
  title: string;
  /** null while the first answer is under way. */
  frame: Frame | null;
  error: string | null;
  runs: readonly PanelRun[];
  axis: ChartAxis;
  smoothing: number;
  isLog: boolean;
  hasBand: boolean;
  /** Zoomed x range; null = all data. */
  range: Range | null;
  width: number;
  height: number;
  /** Panels with the same key share the crosshair. */
  syncKey: string;
  highlight: Highlight;
  onZoom: (range: Range | null) => void;
  onRetry?: () => void;
  /** Shows the button that opens the panel large. */
  onEnlarge?: () => void;
}

const KEY_STEPS = 40;

export function LinePanel(props: LinePanelProps) {
  const { title, frame, error, runs, isLog, axis } = props;
  const [isTable, setIsTable] = useState(false);
  const facts = useMemo(
    () => (frame === null ? null : describeFrame(frame, runs, isLog, axis)),
    [frame, runs, isLog, axis],
  );
  const hasLines = facts !== null && facts.drawnCount > 0;
  return (
    <figure
      className={styles.panel}
      style={{ height: props.height }}
      aria-label={facts === null ? `${title}, loading` : `${title}, ${facts.summary}`}
    >
      <figcaption className={styles.head}>
        <span className={styles.title} title={title}>
          {title}
        </span>
        {facts?.chips.map((chip) => (
          <span key={chip.text} className={styles.chip} title={chip.title}>
            {chip.text}
          </span>
        ))}
        {error !== null && frame !== null && (
          <button
            type="button"
            className={styles.problem}
            title={`${error} Press to try again.`}
            onClick={props.onRetry}
          >
            not updated
          </button>
        )}
        <span className={styles.actions}>
          <IconButton
            icon="list"
            label={isTable ? "View as chart" : "View as table"}
            isPressed={isTable}
            onClick={() => setIsTable(!isTable)}
          />
          {props.onEnlarge !== undefined && (
            <IconButton icon="external" label={`Enlarge ${title}`} onClick={props.onEnlarge} />
          )}
        </span>
      </figcaption>
      {frame === null && error !== null && (
        <div className={styles.state} role="alert">
          <p>{error}</p>
          {props.onRetry !== undefined && <Button onClick={props.onRetry}>Retry</Button>}
        </div>
      )}
      {frame === null && error === null && <div className={styles.loading} aria-hidden="true" />}
      {frame !== null && isTable && (
        <Suspense>
          <LineTable frame={frame} runs={runs} axis={axis} />
        </Suspense>
      )}
      {frame !== null && !isTable && !hasLines && (
        <div className={styles.state}>
          <p>{frame.meta.error ?? "No points for the runs shown."}</p>
        </div>
      )}
      {frame !== null && !isTable && hasLines && <LineCanvas {...props} frame={frame} />}
    </figure>
  );
}

const HEAD_PX = 30;
const EDGE_PX = 2;

function LineCanvas({
  frame,
  onZoom,
  highlight,
  syncKey,
  ...props
}: LinePanelProps & { frame: Frame }) {
  const { runs, smoothing, isLog, hasBand, range, title } = props;
  const { axis, key } = props.axis;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<LinePlot | null>(null);
  const scheme = useScheme();
  const xLabel = axis === "metric" ? (key ?? "x") : axis === "relative" ? "time" : axis;
  const width = props.width - EDGE_PX;
  const height = props.height - HEAD_PX - EDGE_PX;
  const latest = useRef({ onZoom, axis, xLabel });
  latest.current = { onZoom, axis, xLabel };

  const view = useMemo<PlotView>(
    () => ({
      makeModel: () => buildLines(frame, { runs, smoothing, isLog, hasBand, range }),
      axis,
      isLog,
      range,
      theme: getChartTheme(scheme),
    }),
    [frame, runs, smoothing, isLog, hasBand, range, axis, scheme],
  );
  const latestView = useRef(view);
  latestView.current = view;
  const size = useRef({ width, height });
  size.current = { width, height };

  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const drawn = new LinePlot({
      host: element,
      ...size.current,
      view: latestView.current,
      syncKey,
      highlight,
      onZoom: (zoomed) => latest.current.onZoom(zoomed),
      onPointer: (reading) => {
        if (reading === null) hideTooltip();
        else showTooltip({ ...reading, axis: latest.current.axis, xLabel: latest.current.xLabel });
      },
    });
    plot.current = drawn;
    return () => {
      plot.current = null;
      drawn.destroy();
      hideTooltip();
    };
  }, [syncKey, highlight]);

  useEffect(() => plot.current?.update(view), [view]);
  useLayoutEffect(() => plot.current?.resize(width, height), [width, height]);

  const share = useRef(0.5);
  const readAt = (next: number) => {
    share.current = Math.min(1, Math.max(0, next));
    const reading = plot.current?.readAt(share.current);
    if (reading !== undefined) announce(host.current, reading, axis, xLabel);
  };
  const followKey = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const stride = (event.shiftKey ? 5 : 1) / KEY_STEPS;
    const target = getReadTarget(event.key, share.current, stride);
    const zoomed =
      target === null ? getZoomTarget(event.key, range, getDataRange(frame)) : undefined;
    if (target === null && zoomed === undefined) return;
    event.preventDefault();
    if (target !== null) readAt(target);
    else if (zoomed !== undefined) onZoom(zoomed);
  };

  return (
    <div
      ref={host}
      className={styles.plot}
      style={{ height }}
      role="slider"
      tabIndex={0}
      aria-label={`Read values of ${title}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={50}
      aria-valuetext="Arrow keys read values, plus and minus zoom, 0 shows all"
      onKeyDown={followKey}
      onBlur={() => highlight.set(null)}
    />
  );
}

function getReadTarget(key: string, share: number, stride: number): number | null {
  if (key === "ArrowLeft") return share - stride;
  if (key === "ArrowRight") return share + stride;
  if (key === "Home") return 0;
  return key === "End" ? 1 : null;
}

/** The range a key leads to; null = all data, undefined = not a zoom key. */
function getZoomTarget(
  key: string,
  range: Range | null,
  data: Range | null,
): Range | null | undefined {
  const view = range ?? data;
  if (view === null) return undefined;
  if (key === "+" || key === "=") return zoomRange(view, 0.5);
  if (key === "0") return null;
  if (range === null) return undefined;
  if (key === "-") return zoomRange(range, 2);
  if (key === "PageUp") return moveRange(range, -0.5);
  return key === "PageDown" ? moveRange(range, 0.5) : undefined;
}

/** The values under the crosshair become the value of the slider, which screen readers speak. */
function announce(
  element: HTMLElement | null,
  reading: PointerReading,
  axis: XAxis,
  xLabel: string,
): void {
  const { clientX, clientY, ...content } = reading;
  element?.setAttribute("aria-valuetext", describeReading({ ...content, axis, xLabel }));
  showTooltip({ ...reading, axis, xLabel, clientX, clientY });
}

interface FrameFacts {
  drawnCount: number;
  summary: string;
  chips: { text: string; title: string }[];
}

function describeFrame(
  frame: Frame,
  runs: readonly PanelRun[],
  isLog: boolean,
  { axis }: ChartAxis,
): FrameFacts {
  const points = readPoints(frame);
  const shown = runs.flatMap((run) => {
    const own = points.get(run.name);
    return own !== undefined && (own.raw.length > 0 || own.marks.length > 0) ? [{ run, own }] : [];
  });
  const nonFinite = shown.reduce((n, { own }) => n + countMarks(own.marks), 0);
  const notPositive = isLog ? shown.reduce((n, { own }) => n + countNotPositive(own), 0) : 0;
  const chips = [];
  if (nonFinite > 0) {
    const title = "Marked on the edge of the plot: ✕ NaN, ▲ +Infinity, ▼ −Infinity";
    chips.push({ text: `${groupDigits(nonFinite)} NaN/Inf`, title });
  }
  if (notPositive > 0) {
    const title = "A log axis has no place for values of zero or less";
    chips.push({ text: `${groupDigits(notPositive)} ≤ 0 not shown`, title });
  }
  if (frame.approximate) chips.push({ text: "≈", title: "Computed from a part of the data" });
  for (const warning of frame.meta.warnings) chips.push({ text: "note", title: warning });

  const summaries = shown
    .filter(({ own }) => own.raw.length > 0)
    .map(({ run, own }) => ({ run, ...summarize(own) }));
  const lowest = summaries.reduce<(typeof summaries)[number] | null>(
    (best, each) => (best === null || each.min < best.min ? each : best),
    null,
  );
  const lastX = summaries.reduce((x, each) => Math.max(x, each.lastX), Number.NEGATIVE_INFINITY);
  const parts = [countOf(shown.length, "run")];
  if (lowest !== null) {
    parts.push(`up to ${axis === "step" ? "step " : ""}${formatX(lastX, axis)}`);
    parts.push(`lowest ${formatValue(lowest.min)} ${lowest.run.displayName}`);
  }
  return { drawnCount: shown.length, summary: parts.join(", "), chips };
}

function getDataRange(frame: Frame): Range | null {
  const first = frame.grid[0];
  const last = frame.grid[frame.grid.length - 1];
  return first !== undefined && last !== undefined && first < last ? [first, last] : null;
}

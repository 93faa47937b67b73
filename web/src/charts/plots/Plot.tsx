import { type ReactNode, useEffect, useRef, useState } from "react";
import { PALETTE } from "../../core/color";
import { useScheme } from "../../theme/theme";
import { formatTicks, formatValue } from "../format";
import styles from "./Plot.module.css";
import { describePlot, listTicks, type PlotData, rangeOf } from "./plotModel";

interface PlotProps {
  title: string;
  data: PlotData;
  /** Until the place is measured. */
  width: number;
  height: number;
}

const [LEFT, RIGHT, TOP, BOTTOM] = [52, 10, 8, 36];
const LEGEND_MAX = 12;
const LABEL_CHARS_MAX = 14;
const POINTS_MAX = 5_000;

/** A small drawing without interaction but titles: its data is a table that is one click away. */
export function Plot({ title, data, width: widthFirst, height }: PlotProps) {
  const palette = PALETTE[useScheme()];
  const figure = useRef<HTMLElement>(null);
  const width = useWidth(figure, widthFirst);
  return (
    <figure ref={figure} className={styles.plot} aria-label={`${title}: ${describePlot(data)}`}>
      <svg
        className={styles.drawing}
        width={width}
        height={height}
        role="img"
        aria-label={describePlot(data)}
      >
        <Drawing data={data} width={width} height={height} palette={palette} />
      </svg>
      {"lines" in data && data.lines.length > 1 && (
        <ul className={styles.legend} aria-label="Legend">
          {data.lines.slice(0, LEGEND_MAX).map((line, index) => (
            <li key={line.name}>
              <span style={{ background: palette[index % palette.length] }} />
              {line.name}
            </li>
          ))}
          {data.lines.length > LEGEND_MAX && <li>and {data.lines.length - LEGEND_MAX} more</li>}
        </ul>
      )}
    </figure>
  );
}

/** Drawn for its real width, so that texts keep their size. */
function useWidth(ref: React.RefObject<HTMLElement | null>, initial: number): number {
  const [width, setWidth] = useState(initial);
  useEffect(() => {
    const element = ref.current;
    if (element === null || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth || initial));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref, initial]);
  return width;
}

interface DrawingProps {
  data: PlotData;
  width: number;
  height: number;
  palette: readonly string[];
}

function Drawing({ data, width, height, palette }: DrawingProps) {
  const color = (index: number) => palette[index % palette.length] ?? "currentColor";
  switch (data.kind) {
    case "lines":
    case "points": {
      const all = data.lines.flatMap((line) => [...line.points, ...(line.marks ?? [])]);
      const xs = rangeOf(all.map(([x]) => x));
      const ys = rangeOf(all.map(([, y]) => y));
      return (
        <Axes {...{ width, height, xs, ys }} x={data.x} y={data.y}>
          {({ toX, toY }) =>
            data.lines.map((line, index) =>
              data.kind === "lines" ? (
                <g key={line.name}>
                  <polyline
                    points={line.points
                      .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
                      .map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`)
                      .join(" ")}
                    fill="none"
                    stroke={color(index)}
                    strokeWidth={1.5}
                  />
                  {line.marks?.map(([x, y], at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: points have no identity
                    <circle key={at} cx={toX(x)} cy={toY(y)} r={3} fill={color(index)} />
                  ))}
                </g>
              ) : (
                line.points
                  .slice(0, POINTS_MAX)
                  .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
                  .map(([x, y], at) => (
                    <circle
                      // biome-ignore lint/suspicious/noArrayIndexKey: points have no identity
                      key={at}
                      cx={toX(x)}
                      cy={toY(y)}
                      r={2}
                      fill={color(index)}
                      fillOpacity={0.6}
                    />
                  ))
              ),
            )
          }
        </Axes>
      );
    }
    case "bars":
      return <Bars {...{ data, width, height }} fill={color(0)} />;
    case "histogram": {
      const xs = rangeOf(data.edges);
      const ys: [number, number] = [0, Math.max(1, ...data.counts)];
      return (
        <Axes {...{ width, height, xs, ys }} x={data.x} y="count">
          {({ toX, toY }) =>
            data.counts.map((count, i) => {
              const [low = 0, high = 0] = [data.edges[i], data.edges[i + 1]];
              const [from, to] = [toX(low), toX(high)];
              return (
                <rect
                  // biome-ignore lint/suspicious/noArrayIndexKey: bins are their place
                  key={i}
                  x={from}
                  width={Math.max(0.5, to - from - 0.5)}
                  y={toY(count)}
                  height={Math.max(0, toY(0) - toY(count))}
                  fill={color(0)}
                >
                  <title>{`${formatValue(low)} … ${formatValue(high)}: ${formatValue(count)}`}</title>
                </rect>
              );
            })
          }
        </Axes>
      );
    }
    case "matrix":
      return <Matrix {...{ data, width, height }} fill={color(0)} />;
  }
}

interface Scales {
  toX: (value: number) => number;
  toY: (value: number) => number;
}

interface AxesProps {
  width: number;
  height: number;
  xs: readonly [number, number];
  ys: readonly [number, number];
  x: string;
  y: string;
  children: (scales: Scales) => ReactNode;
}

function Axes({ width, height, xs, ys, x, y, children }: AxesProps) {
  const toX = (value: number) =>
    LEFT + ((value - xs[0]) / (xs[1] - xs[0])) * (width - LEFT - RIGHT);
  const toY = (value: number) =>
    height - BOTTOM - ((value - ys[0]) / (ys[1] - ys[0])) * (height - TOP - BOTTOM);
  const [xTicks, yTicks] = [listTicks(...xs), listTicks(...ys, 4)];
  const [xTexts, yTexts] = [formatTicks(xTicks), formatTicks(yTicks)];
  return (
    <>
      {yTicks.map((tick, i) => (
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
      {xTicks.map((tick, i) => (
        <text
          key={tick}
          className={styles.tick}
          x={toX(tick)}
          y={height - BOTTOM + 14}
          textAnchor="middle"
        >
          {xTexts[i]}
        </text>
      ))}
      <AxisNames {...{ width, height, x, y }} />
      {children({ toX, toY })}
    </>
  );
}

function AxisNames({ width, height, x, y }: Pick<AxesProps, "width" | "height" | "x" | "y">) {
  const middle = (height - BOTTOM + TOP) / 2;
  return (
    <>
      <text className={styles.name} x={(width + LEFT) / 2} y={height - 4} textAnchor="middle">
        {x}
      </text>
      <text
        className={styles.name}
        transform={`translate(11 ${middle}) rotate(-90)`}
        textAnchor="middle"
      >
        {y}
      </text>
    </>
  );
}

function Bars({
  data,
  width,
  height,
  fill,
}: {
  data: Extract<PlotData, { kind: "bars" }>;
  width: number;
  height: number;
  fill: string;
}) {
  const ys = rangeOf([0, ...data.bars.map((bar) => bar.value)]);
  const step = (width - LEFT - RIGHT) / Math.max(1, data.bars.length);
  const toY = (value: number) =>
    height - BOTTOM - ((value - ys[0]) / (ys[1] - ys[0])) * (height - TOP - BOTTOM);
  const ticks = listTicks(...ys, 4);
  const texts = formatTicks(ticks);
  const every = Math.ceil(40 / step);
  return (
    <>
      {ticks.map((tick, i) => (
        <g key={tick}>
          <line
            className={styles.grid}
            x1={LEFT}
            x2={width - RIGHT}
            y1={toY(tick)}
            y2={toY(tick)}
          />
          <text className={styles.tick} x={LEFT - 6} y={toY(tick) + 4} textAnchor="end">
            {texts[i]}
          </text>
        </g>
      ))}
      {data.bars.map((bar, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: labels may be equal
        <g key={i}>
          <rect
            x={LEFT + step * (i + 0.12)}
            width={step * 0.76}
            y={Math.min(toY(0), toY(bar.value))}
            height={Math.abs(toY(0) - toY(bar.value))}
            fill={fill}
          >
            <title>{`${bar.label}: ${formatValue(bar.value)}`}</title>
          </rect>
          {i % every === 0 && (
            <text
              className={styles.tick}
              x={LEFT + step * (i + 0.5)}
              y={height - BOTTOM + 14}
              textAnchor="middle"
            >
              {shorten(bar.label, Math.max(3, Math.floor((step * every) / 6.5)))}
            </text>
          )}
        </g>
      ))}
      <AxisNames {...{ width, height }} x={data.x} y={data.y} />
    </>
  );
}

function Matrix({
  data,
  width,
  height,
  fill,
}: {
  data: Extract<PlotData, { kind: "matrix" }>;
  width: number;
  height: number;
  fill: string;
}) {
  const left = LEFT + 36;
  const most = Math.max(1, ...data.values.flat());
  const cellWidth = (width - left - RIGHT) / Math.max(1, data.columns.length);
  const cellHeight = (height - TOP - BOTTOM) / Math.max(1, data.rows.length);
  const hasNumbers = cellWidth > 24 && cellHeight > 14;
  return (
    <>
      {data.rows.map((row, i) => (
        <g key={row}>
          {cellHeight > 10 && (
            <text
              className={styles.tick}
              x={left - 6}
              y={TOP + cellHeight * (i + 0.5) + 4}
              textAnchor="end"
            >
              {shorten(row, 10)}
            </text>
          )}
          {data.columns.map((column, j) => {
            const value = data.values[i]?.[j] ?? 0;
            return (
              <g key={column}>
                <rect
                  x={left + cellWidth * j}
                  y={TOP + cellHeight * i}
                  width={Math.max(0, cellWidth - 1)}
                  height={Math.max(0, cellHeight - 1)}
                  fill={fill}
                  fillOpacity={0.06 + 0.5 * (value / most)}
                >
                  <title>{`${data.rowName} ${row}, ${data.columnName} ${column}: ${formatValue(value)}`}</title>
                </rect>
                {hasNumbers && (
                  <text
                    className={styles.value}
                    x={left + cellWidth * (j + 0.5)}
                    y={TOP + cellHeight * (i + 0.5) + 4}
                    textAnchor="middle"
                  >
                    {formatValue(value)}
                  </text>
                )}
              </g>
            );
          })}
        </g>
      ))}
      {cellWidth > 20 &&
        data.columns.map((column, j) => (
          <text
            key={column}
            className={styles.tick}
            x={left + cellWidth * (j + 0.5)}
            y={height - BOTTOM + 14}
            textAnchor="middle"
          >
            {shorten(column, Math.max(3, Math.floor(cellWidth / 6.5)))}
          </text>
        ))}
      <AxisNames {...{ width, height }} x={data.columnName} y={data.rowName} />
    </>
  );
}

function shorten(text: string, charsMax = LABEL_CHARS_MAX): string {
  return text.length > charsMax ? `${text.slice(0, Math.max(1, charsMax - 1))}…` : text;
}

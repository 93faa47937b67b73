import { memo } from "react";
import styles from "./ParallelCoordinates.module.css";
import { type Axis, listAxisTicks } from "./parallelModel";

export interface PlotBox {
  top: number;
  bottom: number;
  /** Height of the lane of what has no value. */
  lane: number;
  hasLane: boolean;
}

interface AxisLinesProps {
  axes: readonly Axis[];
  xs: readonly number[];
  box: PlotBox;
  width: number;
}

const LABEL_CHARS_MAX = 13;

/** The axes themselves with their ticks; a brush leaves them as they are. */
export const AxisLines = memo(function AxisLines({ axes, xs, box, width }: AxisLinesProps) {
  return (
    <>
      {box.hasLane && (
        <>
          <line className={styles.lane} x1={xs[0]} x2={xs.at(-1)} y1={box.lane} y2={box.lane} />
          <text className={styles.tick} x={6} y={box.lane + 4}>
            no value
          </text>
        </>
      )}
      {axes.map((axis, i) => {
        const x = xs[i] ?? 0;
        const isLast = i === axes.length - 1 && i > 0;
        return (
          <g key={axis.name}>
            <line className={styles.axis} x1={x} x2={x} y1={box.top} y2={box.bottom} />
            {listAxisTicks(axis).map((tick) => {
              const y = box.bottom - tick.at * (box.bottom - box.top);
              return (
                <g key={tick.at}>
                  <line className={styles.axis} x1={x - 3} x2={x} y1={y} y2={y} />
                  <text
                    className={styles.tick}
                    x={isLast && x + 60 > width ? x + 6 : x - 6}
                    y={y + 4}
                    textAnchor={isLast && x + 60 > width ? "start" : "end"}
                  >
                    {shorten(tick.text)}
                    <title>{tick.text}</title>
                  </text>
                </g>
              );
            })}
          </g>
        );
      })}
    </>
  );
});

function shorten(text: string): string {
  return text.length > LABEL_CHARS_MAX ? `${text.slice(0, LABEL_CHARS_MAX - 1)}…` : text;
}

import type { Frame } from "~/core/frame";
import { formatValue, formatX, groupDigits } from "./format";
import type { ChartAxis } from "./LinePanel";
import styles from "./LineTable.module.css";
import { countMarks, type PanelRun, readPoints, summarize } from "./lineModel";

interface LineTableProps {
  frame: Frame;
  runs: readonly PanelRun[];
  axis: ChartAxis;
}

const X_NAMES = { step: "Last step", relative: "Duration", wall: "Last time", metric: "Last x" };

/** The numbers of a line panel as text: what a screen reader, a copy or a doubt needs. */
export default function LineTable({ frame, runs, axis: { axis } }: LineTableProps) {
  const points = readPoints(frame);
  const rows = runs.flatMap((run) => {
    const own = points.get(run.name);
    return own === undefined ? [] : [{ run, own, ...summarize(own) }];
  });
  return (
    <section
      className={styles.scroll}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a long table scrolls, also by keyboard
      tabIndex={0}
      aria-label={`${frame.meta.key}, table`}
    >
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Last</th>
            <th scope="col">{X_NAMES[axis]}</th>
            <th scope="col">Min</th>
            <th scope="col">Max</th>
            <th scope="col">Points</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ run, own, last, lastX, min, max, pointCount }) => (
            <tr key={run.name}>
              <th scope="row">
                <span className={styles.swatch} style={{ background: run.color }} />
                {run.displayName}
              </th>
              <td>{formatNumber(last)}</td>
              <td>{formatX(lastX, axis)}</td>
              <td>{formatNumber(min)}</td>
              <td>{formatNumber(max)}</td>
              <td>
                {groupDigits(pointCount)}
                {own.marks.length > 0 && ` (${countMarks(own.marks)} NaN/Inf)`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function formatNumber(value: number): string {
  return Number.isNaN(value) ? "–" : formatValue(value);
}

import { useCallback, useMemo } from "react";
import type { ParetoAnswer } from "~/api/schema";
import { countOf, formatValue } from "~/charts/format";
import { Plot } from "~/charts/plots/Plot";
import { INK } from "~/charts/sequential";
import { useScheme } from "~/theme/theme";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import type { TrialColumns } from "../data";
import type { TrialSelection } from "../selection";
import type { PanelState } from "./analysisParams";
import { type ChartAxis, listStairs, toPixel } from "./chartModel";
import { groupTrials, listGroupings } from "./groups";
import styles from "./ParetoPanel.module.css";
import { type Layer, PointChart } from "./PointChart";
import type { useFront } from "./queries";

const TABLE_ROWS_MAX = 50;

interface ParetoPanelProps extends PanelState {
  answer: ReturnType<typeof useFront>;
  columns: TrialColumns;
  rows: Int32Array;
  selection: TrialSelection;
  /** Everything that can be weighed, by name. */
  axes: ReadonlyMap<string, ChartAxis>;
  chosen: readonly string[];
  onOpen: (row: number) => void;
}

/** Trials that no other beats in all of two or three metrics, and the volume below them. */
export function ParetoPanel(props: ParetoPanelProps) {
  const { answer, axes, chosen, columns, view, change } = props;
  const names = [...axes.keys()];
  const choose = (place: number, name: string) => {
    const next = [...chosen];
    const other = next.indexOf(name);
    if (name === "") next.splice(place, 1);
    else if (other >= 0) [next[place], next[other]] = [name, next[place] ?? name];
    else next[place] = name;
    change({ front: [...new Set(next)] });
  };
  return (
    <Card
      title="Pareto front"
      action={
        <span className={styles.choices}>
          {[0, 1, 2].map((place) => (
            <Select
              key={place}
              label={["of", "against", "and"][place] ?? ""}
              value={chosen[place] ?? ""}
              choices={[
                ...(place === 2 || chosen.length < 2 ? [{ value: "", label: "nothing" }] : []),
                ...names.map((name) => ({ value: name, label: name })),
              ]}
              onChoose={(name) => choose(place, name)}
            />
          ))}
        </span>
      }
    >
      {answer.isError ? (
        <ErrorCard
          error={answer.error}
          title="The front could not be computed"
          onRetry={answer.refetch}
        />
      ) : chosen.length < 2 ? (
        <EmptyState
          title="One metric has no front"
          text="Choose a second one above: another metric, or the seconds that a run takes."
        />
      ) : answer.data === undefined ? (
        <SkeletonRows count={8} label="Computing the front" />
      ) : (
        <Front {...props} answer={answer.data} />
      )}
      <div className={styles.options}>
        <Select
          label="colour by"
          value={view.color}
          choices={listGroupings(columns)}
          onChoose={(color) => change({ color })}
        />
        {(answer.data?.infeasible ?? 0) > 0 || view.broken ? (
          <label>
            <input
              type="checkbox"
              checked={view.broken}
              onChange={(event) => change({ broken: event.currentTarget.checked })}
            />{" "}
            count runs that broke a constraint
          </label>
        ) : null}
      </div>
    </Card>
  );
}

function Front(props: Omit<ParetoPanelProps, "answer"> & { answer: ParetoAnswer }) {
  const { answer, columns, rows, selection, axes, chosen, view, onOpen } = props;
  const scheme = useScheme();
  const grouping = useMemo(
    () => groupTrials(columns, view.color, scheme),
    [columns, view.color, scheme],
  );
  const strong = useMemo(() => {
    const ids = new Set(answer.front.map(({ index }) => index));
    return new Set([...rows].filter((row) => ids.has(columns.ids[row] as number)));
  }, [answer, rows, columns]);
  const pairs =
    chosen.length === 3
      ? [
          [0, 1],
          [0, 2],
          [1, 2],
        ]
      : [[0, 1]];
  return (
    <div className={styles.front}>
      <p className={styles.note}>{describeFront(answer)}</p>
      <div className={styles.charts} data-three={pairs.length > 1 || undefined}>
        {pairs.map(([a = 0, b = 1]) => (
          <Pair
            key={`${a} ${b}`}
            {...{ answer, columns, rows, selection, strong, onOpen }}
            x={axes.get(chosen[a] ?? "")}
            y={axes.get(chosen[b] ?? "")}
            places={[a, b]}
            colors={grouping?.colors ?? null}
            height={pairs.length > 1 ? 230 : 290}
          />
        ))}
        {answer.history.length > 1 && (
          <div className={styles.trend}>
            <h3>Hypervolume by trials that ended</h3>
            <Plot
              title="Hypervolume"
              data={{
                kind: "lines",
                lines: [{ name: "hypervolume", points: stepsOf(answer) }],
                x: "trials that ended",
                y: "hypervolume",
              }}
              width={480}
              height={pairs.length > 1 ? 130 : 260}
            />
          </div>
        )}
      </div>
      {grouping !== null && (
        <ul className={styles.legend} aria-label="Groups">
          {grouping.groups.map(({ label, color, count }) => (
            <li key={label}>
              <span style={{ background: color }} />
              {label} <i>{count}</i>
            </li>
          ))}
        </ul>
      )}
      <FrontTable {...{ answer, columns, onOpen }} />
    </div>
  );
}

interface PairProps {
  answer: ParetoAnswer;
  columns: TrialColumns;
  rows: Int32Array;
  selection: TrialSelection;
  strong: ReadonlySet<number>;
  x: ChartAxis | undefined;
  y: ChartAxis | undefined;
  /** Which of the metrics of the answer these are. */
  places: readonly [number, number];
  colors: readonly string[] | null;
  height: number;
  onOpen: (row: number) => void;
}

/** The stairs are those of these two metrics: with three, runs of the front lie behind them, too. */
function Pair({ answer, x, y, places, ...chart }: PairProps) {
  const [a, b] = places;
  const over = useCallback((layer: Layer) => drawStairs(layer, answer, [a, b]), [answer, a, b]);
  if (x === undefined || y === undefined) return null;
  return <PointChart title="Pareto front" x={x} y={y} over={over} {...chart} />;
}

function drawStairs(
  { context, x, y, scheme }: Layer,
  { front, metrics, reference }: ParetoAnswer,
  [a, b]: readonly [number, number],
): void {
  const [first, second] = [metrics[a], metrics[b]];
  if (first === undefined || second === undefined) return;
  const points = front.map(({ values }) => [values[a] ?? 0, values[b] ?? 0] as const);
  const stairs = listStairs(points, [first.goal, second.goal]);
  if (stairs.length === 0) return;
  context.strokeStyle = INK[scheme].strong;
  context.lineWidth = 1.25;
  context.beginPath();
  for (const [px, py] of stairs) context.lineTo(toPixel(x, px), toPixel(y, py));
  context.stroke();
  const corner = [reference?.[a], reference?.[b]];
  if (corner[0] == null || corner[1] == null) return;
  // The cross is where the volume is measured from, at an edge where it lies beyond it.
  const [cx, cy] = [toPixel(x, corner[0]), toPixel(y, corner[1])];
  context.beginPath();
  context.moveTo(cx - 5, cy);
  context.lineTo(cx + 5, cy);
  context.moveTo(cx, cy - 5);
  context.lineTo(cx, cy + 5);
  context.stroke();
}

function FrontTable({ answer, columns, onOpen }: Pick<PairProps, "answer" | "columns" | "onOpen">) {
  const { front, metrics } = answer;
  return (
    <details className={styles.table}>
      <summary>{countOf(front.length, "run")} on the front, as a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Run</th>
            {metrics.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {front.slice(0, TABLE_ROWS_MAX).map(({ run, index, values }) => {
            const row = columns.ids.indexOf(index);
            return (
              <tr key={run}>
                <th scope="row">
                  <button type="button" onClick={() => onOpen(row)} disabled={row < 0}>
                    {row < 0 ? run : columns.names[row]}
                  </button>
                </th>
                {values.map((value, i) => (
                  <td key={metrics[i]?.name}>{formatValue(value)}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {front.length > TABLE_ROWS_MAX && <p>and {front.length - TABLE_ROWS_MAX} more</p>}
    </details>
  );
}

function describeFront({
  front,
  hypervolume,
  reference,
  metrics,
  runs,
  lacking,
  infeasible,
}: ParetoAnswer): string {
  if (runs === 0 || reference === null) return "No run that ended has all of these metrics yet.";
  const point = metrics
    .map(({ name }, i) => `${name} ${formatValue(reference[i] ?? Number.NaN)}`)
    .join(", ");
  const left = [
    lacking > 0 ? `${countOf(lacking, "run")} without a value` : "",
    infeasible > 0 ? `${countOf(infeasible, "run")} that broke a constraint` : "",
  ].filter(Boolean);
  const without = left.length > 0 ? ` Left out: ${left.join(", ")}.` : "";
  return `${front.length} of ${countOf(runs, "run")} are beaten by no other. Hypervolume ${formatValue(hypervolume)}, measured from ${point} (the cross).${without}`;
}

/** The growing volume as stairs. */
function stepsOf({ history }: ParetoAnswer): [number, number][] {
  return history.flatMap(({ ended, hypervolume }, i) => {
    const before = history[i - 1]?.hypervolume;
    const here: [number, number] = [ended, hypervolume];
    return before === undefined ? [here] : [[ended, before] as [number, number], here];
  });
}

import { useCallback, useMemo } from "react";
import type { Surface, SurfaceAnswer } from "~/api/schema";
import { formatValue } from "~/charts/format";
import { makeSequence } from "~/charts/sequential";
import { useScheme } from "~/theme/theme";
import { Card } from "~/ui/Card";
import { ErrorCard } from "~/ui/ErrorCard";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import type { ParameterColumn, TrialColumns } from "../data";
import type { TrialSelection } from "../selection";
import type { PanelState } from "./analysisParams";
import { axisOfParameterColumn, type ChartAxis, shorten } from "./chartModel";
import { type Layer, PointChart } from "./PointChart";
import type { useSurface } from "./queries";
import styles from "./SurfacePanel.module.css";
import { drawBand, drawGround, makeGround } from "./surfaceDrawing";

const SHADES = 24;

interface SurfacePanelProps extends PanelState {
  answer: ReturnType<typeof useSurface>;
  columns: TrialColumns;
  rows: Int32Array;
  selection: TrialSelection;
  metric: ChartAxis;
  /** The searched parameters, the most important first. */
  parameters: readonly ParameterColumn[];
  x: ParameterColumn | undefined;
  y: ParameterColumn | undefined;
  onOpen: (row: number) => void;
}

/** The metric along one parameter, or over two, as a model of all of them sees it. */
export function SurfacePanel(props: SurfacePanelProps) {
  const { answer, metric, parameters, x, y, change } = props;
  const choices = parameters.map(({ name }) => ({ value: name, label: name }));
  const others = choices.filter(({ value }) => value !== x?.name);
  return (
    <Card
      title={`${y === undefined ? "Slice" : "Contour"} of ${shorten(metric.label, 32)}`}
      action={
        <span className={styles.choices}>
          <Select
            label="along"
            value={x?.name ?? ""}
            choices={choices}
            onChoose={(name) => change(name === y?.name ? { x: name, y: "" } : { x: name })}
          />
          <Select
            label="and"
            value={y?.name ?? ""}
            choices={[{ value: "", label: "nothing else" }, ...others]}
            onChoose={(name) => change({ y: name })}
          />
        </span>
      }
    >
      {answer.isError ? (
        <ErrorCard
          error={answer.error}
          title="The model could not be computed"
          onRetry={answer.refetch}
        />
      ) : x === undefined ? (
        <p className={styles.note}>This sweep searches no parameter.</p>
      ) : answer.data === undefined ? (
        <SkeletonRows count={8} label="Fitting a model" />
      ) : y === undefined || answer.data.surface.y === null ? (
        <Slice {...props} x={x} answer={answer.data} />
      ) : (
        <Contour {...props} x={x} y={y} answer={answer.data} />
      )}
    </Card>
  );
}

type DrawnProps = Omit<SurfacePanelProps, "answer" | "x"> & {
  answer: SurfaceAnswer;
  x: ParameterColumn;
};

function Slice({ answer, columns, rows, selection, metric, x, onOpen }: DrawnProps) {
  const { surface } = answer;
  const xAxis = useMemo(() => axisOfParameterColumn(x), [x]);
  const places = useMemo(() => placesOf(surface.x.values, x), [surface, x]);
  const [moreX, moreY] = useMemo(
    () => [places, [...(surface.low[0] ?? []), ...(surface.high[0] ?? [])].filter(isNumber)],
    [places, surface],
  );
  const under = useCallback(
    (layer: Layer) => drawBand(layer, places, surface, xAxis.scale === "category"),
    [places, surface, xAxis],
  );
  return (
    <>
      <PointChart
        title={`Slice of ${metric.label} along ${x.name}`}
        {...{ columns, rows, selection, moreX, moreY, under, onOpen }}
        x={xAxis}
        y={metric}
      />
      <p className={styles.note}>
        The line is the mean over all other parameters, the band its 90 % interval; dots are trials.{" "}
        {capital(surface.note)}.
      </p>
      {surface.mean.length > 0 && <SliceTable surface={surface} metric={metric} />}
    </>
  );
}

function SliceTable({ surface, metric }: { surface: Surface; metric: ChartAxis }) {
  return (
    <details className={styles.table}>
      <summary>As a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{surface.x.name}</th>
            <th scope="col">{metric.label}</th>
            <th scope="col">90 % interval</th>
          </tr>
        </thead>
        <tbody>
          {surface.x.values.map((value, i) => (
            <tr key={JSON.stringify(value)}>
              <th scope="row">{write(value)}</th>
              <td>{write(surface.mean[0]?.[i])}</td>
              <td>
                {write(surface.low[0]?.[i])} to {write(surface.high[0]?.[i])}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Contour(props: DrawnProps & { y: ParameterColumn }) {
  const { answer, columns, rows, selection, metric, x, y, onOpen, view, change } = props;
  const scheme = useScheme();
  const { surface } = answer;
  const [xAxis, yAxis] = useMemo(
    () => [axisOfParameterColumn(x), axisOfParameterColumn(y)],
    [x, y],
  );
  const [moreX, moreY] = useMemo(
    () => [placesOf(surface.x.values, x), placesOf(surface.y?.values ?? [], y)],
    [surface, x, y],
  );
  const isUncertainty = view.ground === "uncertainty";
  const ground = useMemo(() => makeGround(surface, isUncertainty), [surface, isUncertainty]);
  const isTurned = !isUncertainty && answer.goal === "minimize";
  const shades = useMemo(() => {
    const sequence = makeSequence(scheme, SHADES);
    return isTurned ? sequence.reverse() : sequence;
  }, [scheme, isTurned]);
  const under = useCallback(
    (layer: Layer) => drawGround(layer, moreX, moreY, ground, shades),
    [moreX, moreY, ground, shades],
  );
  return (
    <>
      <PointChart
        title={`Contour of ${metric.label} over ${x.name} and ${y.name}`}
        {...{ columns, rows, selection, moreX, moreY, under, onOpen }}
        x={xAxis}
        y={yAxis}
        height={320}
        hasRim
      />
      {ground.low <= ground.high && (
        <div className={styles.legend}>
          <Select
            label="colour"
            value={view.ground}
            choices={[
              { value: "mean", label: metric.label },
              { value: "uncertainty", label: "uncertainty (±)" },
            ]}
            onChoose={(chosen) => change({ ground: chosen })}
          />
          <span>{formatValue(ground.low)}</span>
          <span
            className={styles.ramp}
            style={{ background: `linear-gradient(to right, ${shades.join(", ")})` }}
          />
          <span>{formatValue(ground.high)}</span>
        </div>
      )}
      <p className={styles.note}>
        {isUncertainty
          ? "Half of the 90 % interval of the mean over all other parameters. "
          : "The mean over all other parameters; the strongest colour is best. "}
        {capital(surface.note)}.
      </p>
    </>
  );
}

/** Values of a grid as numbers on the axis of their parameter. */
function placesOf(values: readonly unknown[], column: ParameterColumn): number[] {
  return values.map((value) => {
    if (column.kind !== "category") return typeof value === "number" ? value : Number.NaN;
    return column.values.findIndex((known) => JSON.stringify(known) === JSON.stringify(value));
  });
}

const isNumber = (value: number | null): value is number => value !== null;
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const write = (value: unknown) =>
  typeof value === "number" ? formatValue(value) : value == null ? "–" : String(value);

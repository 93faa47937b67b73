import { useCallback, useMemo } from "react";
import { useNavigate } from "react-router";
import { countOf } from "~/charts/format";
import { useUrlState } from "~/core/useUrlState";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { runPath } from "~/ui/paths";
import type { SweepDetail, TrialColumns } from "../data";
import { type TrialSelection, useTrialSelection } from "../selection";
import styles from "./Analysis.module.css";
import { analysisParams } from "./analysisParams";
import { BracketsPanel } from "./BracketsPanel";
import { BudgetPanel } from "./BudgetPanel";
import { axisOfMetricColumn, type ChartAxis } from "./chartModel";
import { ImportancePanel } from "./ImportancePanel";
import { ParetoPanel } from "./ParetoPanel";
import { endedCount, useBrackets, useBudget, useFront, useImportance, useSurface } from "./queries";
import { SurfacePanel } from "./SurfacePanel";
import { WeightsPanel } from "./WeightsPanel";

export interface AnalysisProps {
  sweep: SweepDetail;
  columns: TrialColumns;
  selection: TrialSelection;
}

/** What can be learned of a sweep. */
export default function Analysis({ sweep, columns, selection }: AnalysisProps) {
  const { state: view, change, ignored } = useUrlState(analysisParams);
  const place = { entity: sweep.entity, project: sweep.project, sweep: sweep.name };
  const ended = useMemo(() => endedCount(columns), [columns]);
  const rows = useMemo(() => listAnalysed(columns), [columns]);
  const axes = useMemo(() => listMetricAxes(columns), [columns]);
  const metric = axes.has(view.metric) ? view.metric : (columns.metrics[0]?.name ?? null);
  const searched = useMemo(
    () =>
      columns.parameters.filter((each) => each.distribution !== null && each.kind !== "constant"),
    [columns],
  );

  const importance = useImportance(place, metric, ended);
  const order = useMemo(
    () => new Map((importance.data?.importances.items ?? []).map(({ name }, i) => [name, i])),
    [importance.data],
  );
  const parameters = useMemo(
    () => [...searched].sort((a, b) => (order.get(a.name) ?? 1e6) - (order.get(b.name) ?? 1e6)),
    [searched, order],
  );
  // Until importance is known the order is not: the slice of the wrong parameter would flash up.
  const x =
    parameters.find(({ name }) => name === view.x) ??
    (importance.isPending ? undefined : parameters[0]);
  const y = parameters.find(({ name }) => name === view.y && name !== x?.name);
  const surface = useSurface(place, metric, x?.name ?? null, y?.name ?? null, ended);
  const chosen = chooseFront(view.front, columns, axes);
  const front = useFront(place, chosen, !view.broken, ended);
  const brackets = useBrackets(place, ended);
  const budget = useBudget(place, ended);

  const navigate = useNavigate();
  const onOpen = useCallback(
    (row: number) => {
      const run = columns.runs[row];
      const { entity, project } = sweep;
      if (run !== undefined) navigate(runPath({ entity, project, run }, "overview"));
    },
    [columns, navigate, sweep],
  );

  if (columns.count === 0) {
    return (
      <EmptyState
        icon="chart"
        title="Nothing to analyse yet"
        text="No agent has been given a trial. As soon as trials end, this page shows which parameters matter, the front, and whether going on pays."
      />
    );
  }
  const panel = { view, change };
  const shared = { columns, rows, selection, onOpen };
  const axis = metric === null ? undefined : axes.get(metric);
  return (
    <div className={styles.page}>
      <IgnoredParams ignored={ignored} />
      <SelectionNote selection={selection} count={columns.count} />
      <div className={styles.grid}>
        {axis === undefined || metric === null ? (
          <EmptyState
            title="This sweep has no metric"
            text="Importance and slices are of a metric: add `metric:` with a name and a goal to the configuration."
          />
        ) : (
          <>
            <ImportancePanel
              answer={importance}
              metric={metric}
              metrics={[...axes.keys()]}
              {...panel}
            />
            <SurfacePanel
              answer={surface}
              metric={axis}
              {...{ parameters, x, y }}
              {...shared}
              {...panel}
            />
          </>
        )}
        <div className={styles.wide}>
          <ParetoPanel answer={front} axes={axes} chosen={chosen} {...shared} {...panel} />
        </div>
        <WeightsPanel place={place} ended={ended} {...shared} />
        <div className={styles.stack}>
          <BudgetPanel answer={budget} columns={columns} rows={rows} />
          <BracketsPanel answer={brackets} {...{ columns, selection, onOpen }} />
        </div>
      </div>
    </div>
  );
}

/** What a brush here or among the trials left over. */
function SelectionNote({ selection, count }: { selection: TrialSelection; count: number }) {
  useTrialSelection(selection);
  if (selection.mask === null) return null;
  return (
    <p className={styles.selected}>
      {selection.count.toLocaleString("en-US")} of {countOf(count, "trial")} selected{" "}
      <Button look="ghost" onClick={() => selection.clear()}>
        Select all
      </Button>
    </p>
  );
}

/** Trials that ended by themselves or early; what a failed one logged says nothing about its configuration. */
function listAnalysed(columns: TrialColumns): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < columns.count; row++) {
    const outcome = columns.outcomes[row];
    if (outcome === "complete" || outcome === "stopped") rows.push(row);
  }
  return Int32Array.from(rows);
}

/** Everything a trial is measured by: metrics, what constraints and the cost name, and how long it took. */
function listMetricAxes(columns: TrialColumns): Map<string, ChartAxis> {
  const axes = new Map<string, ChartAxis>();
  for (const metric of columns.metrics) axes.set(metric.name, axisOfMetricColumn(metric));
  const plain = (label: string, numbers: Float64Array, brush: string | null): ChartAxis => ({
    label,
    scale: "linear",
    numbers,
    labels: [],
    brush,
    goal: "minimize",
  });
  for (const [name, numbers] of columns.measured) {
    if (!axes.has(name)) axes.set(name, plain(name, numbers, null));
  }
  if (!axes.has("seconds"))
    axes.set("seconds", plain("seconds", columns.durationS, "fact:duration"));
  return axes;
}

/** Those in the address, else those of the configuration; a single one is set against its time. */
function chooseFront(
  asked: readonly string[],
  columns: TrialColumns,
  axes: ReadonlyMap<string, ChartAxis>,
): string[] {
  const known = asked.filter((name) => axes.has(name)).slice(0, 3);
  if (known.length > 0) return known;
  const own = columns.metrics.slice(0, 3).map(({ name }) => name);
  return own.length === 1 ? [...own, "seconds"] : own;
}

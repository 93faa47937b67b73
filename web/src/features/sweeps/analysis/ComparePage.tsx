import { useMemo } from "react";
import { Link, useParams } from "react-router";
import type { ComparedSweep, ComparisonAnswer } from "~/api/schema";
import { formatValue } from "~/charts/format";
import { Plot } from "~/charts/plots/Plot";
import { useUrlState } from "~/core/useUrlState";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { PageTitle } from "~/ui/PageTitle";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import { useSweeps } from "../data";
import { sweepPath } from "../sweepPaths";
import { comparisonParams } from "./analysisParams";
import styles from "./ComparePage.module.css";
import { frontLines, progressLines, volumeLines } from "./comparisonModel";
import { useComparison } from "./queries";

const SWEEPS_MAX = 12;
const OVERS = [
  { value: "trials", label: "trials that ended" },
  { value: "hours", label: "hours since the first" },
  { value: "run_hours", label: "hours of all runs" },
] as const;

/** Several sweeps of a project: their fronts from one reference point, and the best of each over trials and time. */
export default function ComparePage() {
  const { entity = "", project = "" } = useParams();
  const { state, change, ignored } = useUrlState(comparisonParams);
  const sweeps = useSweeps(entity, project, "");
  const answer = useComparison(entity, project, state.sweep, state.metric);
  const toggle = (name: string) =>
    change({
      sweep: state.sweep.includes(name)
        ? state.sweep.filter((each) => each !== name)
        : [...state.sweep, name].slice(-SWEEPS_MAX),
    });
  const known = sweeps.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={styles.page}>
      <PageTitle title={`Compare sweeps · ${project}`} />
      <h1>Compare sweeps</h1>
      <IgnoredParams ignored={ignored} />
      <fieldset className={styles.chosen}>
        <legend>Sweeps, up to {SWEEPS_MAX}</legend>
        {sweeps.isPending && <SkeletonRows count={2} label="Loading the sweeps" />}
        {known.map(({ sweep, progress }) => (
          <label key={sweep.name}>
            <input
              type="checkbox"
              checked={state.sweep.includes(sweep.name)}
              onChange={() => toggle(sweep.name)}
            />
            {sweep.display_name ?? progress.config_name ?? sweep.name} <i>{sweep.method}</i>
          </label>
        ))}
        {sweeps.hasNextPage && (
          <button type="button" onClick={() => sweeps.fetchNextPage()}>
            Show older sweeps
          </button>
        )}
      </fieldset>
      {state.sweep.length === 0 ? (
        <EmptyState
          icon="compare"
          title="Choose sweeps to compare"
          text="Two or more of the same metrics show which search found more, and how soon."
        />
      ) : answer.isError ? (
        <ErrorCard
          error={answer.error}
          title="The sweeps could not be compared"
          onRetry={answer.refetch}
        />
      ) : answer.data === undefined ? (
        <SkeletonRows count={8} label="Comparing" />
      ) : (
        <Comparison {...{ entity, project, state, change }} answer={answer.data} />
      )}
    </div>
  );
}

interface ComparisonProps {
  entity: string;
  project: string;
  answer: ComparisonAnswer;
  state: {
    metric: readonly string[];
    over: "trials" | "hours" | "run_hours";
  };
  change: (patch: Partial<ComparisonProps["state"]>) => void;
}

function Comparison({ entity, project, answer, state, change }: ComparisonProps) {
  const { metrics, sweeps } = answer;
  const [first, second] = metrics;
  const progress = useMemo(() => progressLines(sweeps, state.over), [sweeps, state.over]);
  const names = answer.metrics_known.map(({ name }) => name);
  const pairs = metrics.flatMap((_, a) =>
    metrics.slice(a + 1).map((_, b) => [a, a + 1 + b] as const),
  );
  const chosen = metrics.map(({ name }) => name);
  const choose = (place: number, name: string) => {
    const next = [...chosen];
    if (name === "") next.splice(place, 1);
    else next[place] = name;
    change({ metric: [...new Set(next)] });
  };
  return (
    <>
      <div className={styles.options}>
        {[0, 1, 2].map((place) => (
          <Select
            key={place}
            label={["metric", "against", "and"][place] ?? ""}
            value={chosen[place] ?? ""}
            choices={[
              ...(place > 0 ? [{ value: "", label: "nothing" }] : []),
              ...names.map((name) => ({ value: name, label: name })),
            ]}
            onChoose={(name) => choose(place, name)}
          />
        ))}
      </div>
      <SweepTable {...{ entity, project, answer }} />
      <div className={styles.charts}>
        <Card
          title={`Best ${first?.name ?? "value"} so far`}
          action={
            <Select
              label="against"
              value={state.over}
              choices={OVERS}
              onChoose={(over) => change({ over })}
            />
          }
        >
          <Plot
            title="Best so far"
            data={{
              kind: "lines",
              lines: progress,
              x: OVERS.find(({ value }) => value === state.over)?.label ?? "",
              y: first?.name ?? "",
            }}
            width={480}
            height={260}
          />
        </Card>
        {pairs.map(([a, b]) => (
          <Card key={`${a} ${b}`} title={`Fronts: ${metrics[a]?.name} against ${metrics[b]?.name}`}>
            <Plot
              title="Pareto fronts"
              data={{
                kind: "lines",
                lines: frontLines(sweeps, metrics, a, b),
                x: metrics[a]?.name ?? "",
                y: metrics[b]?.name ?? "",
              }}
              width={480}
              height={260}
            />
          </Card>
        ))}
        {second !== undefined && (
          <Card title="Hypervolume">
            <Plot
              title="Hypervolume"
              data={{
                kind: "lines",
                lines: volumeLines(sweeps),
                x: "trials that ended",
                y: "hypervolume",
              }}
              width={480}
              height={260}
            />
          </Card>
        )}
      </div>
      {second !== undefined && answer.reference !== null && (
        <p className={styles.note}>
          All volumes are measured from one point:{" "}
          {metrics
            .map(({ name }, i) => `${name} ${formatValue(answer.reference?.[i] ?? Number.NaN)}`)
            .join(", ")}
          . Runs that broke a constraint are left out.
        </p>
      )}
    </>
  );
}

function SweepTable({
  entity,
  project,
  answer,
}: Pick<ComparisonProps, "entity" | "project" | "answer">) {
  const { metrics, sweeps } = answer;
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Sweep</th>
          <th scope="col">Method</th>
          <th scope="col">Ended trials</th>
          <th scope="col">Hours of runs</th>
          <th scope="col">Best {metrics[0]?.name}</th>
          <th scope="col">Found after</th>
          {metrics.length > 1 && <th scope="col">On the front</th>}
          {metrics.length > 1 && <th scope="col">Hypervolume</th>}
        </tr>
      </thead>
      <tbody>
        {sweeps.map((sweep) => (
          <tr key={sweep.name}>
            <th scope="row">
              <Link to={sweepPath({ entity, project, sweep: sweep.name }, "analysis")}>
                {sweep.display_name ?? sweep.name}
              </Link>
              {sweep.missing.length > 0 && <em> has no {sweep.missing.join(", ")}</em>}
            </th>
            <td>{sweep.method}</td>
            <td>{sweep.ended}</td>
            <td>{formatValue(Number(sweep.run_hours.toPrecision(3)))}</td>
            <td>{writeBest(sweep)}</td>
            <td>{foundAfter(sweep)}</td>
            {metrics.length > 1 && <td>{sweep.front.length}</td>}
            {metrics.length > 1 && <td>{formatValue(Number(sweep.hypervolume.toPrecision(5)))}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function writeBest({ best }: ComparedSweep): string {
  const last = best.at(-1);
  return last === undefined ? "–" : formatValue(last.value);
}

/** The last step may only repeat the best at the end. */
function foundAfter({ best }: ComparedSweep): string {
  const last = best.at(-1);
  const found = best.find(({ value }) => value === last?.value);
  return found === undefined ? "–" : `${found.ended} trials`;
}

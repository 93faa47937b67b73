import { Link, useParams } from "react-router";
import { pathOf, urlOf } from "~/api/client";
import { formatValue } from "~/charts/format";
import { useLive } from "~/core/live";
import { useThrottledRefetch } from "~/core/useThrottledRefetch";
import { useUrlState } from "~/core/useUrlState";
import { Button, LinkButton } from "~/ui/Button";
import { CodeBlock } from "~/ui/CodeBlock";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { Icon } from "~/ui/Icon";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { useReportLive } from "~/ui/LiveDot";
import { PageTitle } from "~/ui/PageTitle";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import tables from "~/ui/Table.module.css";
import { TimeAgo } from "~/ui/values";
import { type SweepOverview, useSweeps } from "./data";
import { OutcomeList } from "./OutcomeList";
import { outcomesOfStates, SWEEP_LOOKS } from "./outcomes";
import styles from "./SweepsPage.module.css";
import { sweepListParams } from "./sweepParams";
import { sweepPath } from "./sweepPaths";

const STATES = [
  { value: "", label: "any state" },
  { value: "running", label: "running" },
  { value: "paused", label: "paused" },
  { value: "pending", label: "waiting for an agent" },
  { value: "finished", label: "finished" },
  { value: "canceled", label: "canceled" },
] as const;

/** All sweeps of a project, newest first. */
export function SweepsPage() {
  const { entity = "", project = "" } = useParams();
  const { state, change, ignored } = useUrlState(sweepListParams);
  const sweeps = useSweeps(entity, project, state.state);
  const pages = sweeps.data?.pages ?? [];
  const renewSoon = useThrottledRefetch(sweeps.refetch, 2 * Math.max(1, pages.length));
  useReportLive(useLive(urlOf(`/api/v1${pathOf(entity, project)}/live`), renewSoon));
  const items = pages.flatMap((page) => page.items);
  const total = pages[0]?.total ?? items.length;
  return (
    <div className={styles.page}>
      <PageTitle title={`Sweeps · ${project}`} />
      <header className={styles.header}>
        <h1>Sweeps</h1>
        <Select
          label="State"
          value={state.state}
          choices={STATES}
          onChoose={(chosen) => change({ state: chosen })}
        />
        {items.length > 1 && (
          <LinkButton look="ghost" icon="compare" to={pathOf(entity, project, "sweeps", "compare")}>
            Compare
          </LinkButton>
        )}
      </header>
      <IgnoredParams ignored={ignored} />
      {sweeps.isPending && <SkeletonRows count={8} label="Loading the sweeps" />}
      {sweeps.isError && items.length === 0 && (
        <ErrorCard
          error={sweeps.error}
          title="The sweeps could not be read"
          onRetry={sweeps.refetch}
        />
      )}
      {sweeps.isSuccess &&
        items.length === 0 &&
        (state.state === "" ? (
          <FirstSweep entity={entity} project={project} />
        ) : (
          <EmptyState
            icon="search"
            title="No sweep is in this state"
            text="There may be some in others."
          >
            <Button onClick={() => change({ state: "" })}>Show all</Button>
          </EmptyState>
        ))}
      {items.length > 0 && <SweepTable entity={entity} project={project} sweeps={items} />}
      {sweeps.hasNextPage && (
        <div className={styles.more}>
          <Button isBusy={sweeps.isFetchingNextPage} onClick={() => sweeps.fetchNextPage()}>
            Show more of {total.toLocaleString("en-US")} sweeps
          </Button>
        </div>
      )}
    </div>
  );
}

interface SweepTableProps {
  entity: string;
  project: string;
  sweeps: readonly SweepOverview[];
}

function SweepTable({ entity, project, sweeps }: SweepTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard
    <section className={tables.frame} aria-label="Sweeps of the project" tabIndex={0}>
      <table className={tables.table} aria-label="Sweeps">
        <thead>
          <tr>
            <th scope="col">Sweep</th>
            <th scope="col">State</th>
            <th scope="col">Method</th>
            <th scope="col">Best</th>
            <th scope="col">Trials</th>
            <th scope="col">Limits</th>
            <th scope="col">By</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {sweeps.map(({ sweep, progress }) => (
            <tr key={sweep.name}>
              <td className={styles.name}>
                <Link to={sweepPath({ entity, project, sweep: sweep.name })}>
                  {sweep.display_name ?? progress.config_name ?? sweep.name}
                </Link>
                <code>{sweep.name}</code>
              </td>
              <td>
                <span className={styles.state} data-tone={SWEEP_LOOKS[sweep.state].tone}>
                  <Icon name={SWEEP_LOOKS[sweep.state].icon} size={12} />
                  {SWEEP_LOOKS[sweep.state].label}
                </span>
              </td>
              <td>{sweep.method}</td>
              <td>
                <Best progress={progress} />
              </td>
              <td>
                {sweep.trial_count === 0 ? (
                  "none yet"
                ) : (
                  <OutcomeList label="Trials" counts={outcomesOfStates(progress.trial_counts)} />
                )}
              </td>
              <td>{limitText(sweep, progress)}</td>
              <td>{sweep.username ?? "–"}</td>
              <td>
                <TimeAgo us={sweep.updated_at_us} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Best({ progress }: Pick<SweepOverview, "progress">) {
  const { metric, goal, best } = progress;
  if (metric === null) return "–";
  return (
    <span title={`${goal} ${metric}`}>
      {metric} <strong className={styles.best}>{best === null ? "–" : formatValue(best)}</strong>
    </span>
  );
}

/** "84 of 200 trials, $120": what the configuration allows. */
function limitText(sweep: SweepOverview["sweep"], progress: SweepOverview["progress"]): string {
  const limit = progress.run_limit ?? sweep.run_count_expected;
  const { usd, hours, gpu_hours } = progress.budget;
  const parts = [
    limit === null ? null : `${limit.toLocaleString("en-US")} trials`,
    usd === undefined ? null : `$${formatValue(usd)}`,
    hours === undefined ? null : `${formatValue(hours)} h`,
    gpu_hours === undefined ? null : `${formatValue(gpu_hours)} GPU h`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "none" : parts.join(", ");
}

function FirstSweep({ entity, project }: { entity: string; project: string }) {
  const code = [
    "# sweep.yaml",
    "method: bayes",
    "metric: {name: loss, goal: minimize}",
    "parameters:",
    "  lr: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}",
    "  optimizer: {values: [adam, sgd]}",
    "program: train.py",
    "",
    `steelyard sweep --entity ${entity} --project ${project} sweep.yaml`,
  ].join("\n");
  return (
    <EmptyState
      icon="chart"
      title="No sweeps yet"
      text="A sweep tries configurations for you and learns from each which one to try next. Write down what may vary, and start as many agents as you have machines."
    >
      <CodeBlock code={code} label="Copy the example" />
    </EmptyState>
  );
}

import { Link } from "react-router";
import type { BisectStep, Version } from "~/api/types";
import { useUrlState } from "~/core/useUrlState";
import { AliasChips } from "~/ui/AliasChips";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { formatExact } from "~/ui/format";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { Input } from "~/ui/Input";
import { type VersionAddress, versionPath } from "~/ui/paths";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import table from "~/ui/Table.module.css";
import { TimeAgo } from "~/ui/values";
import { bisectParams } from "./artifactParams";
import { BisectFinding } from "./BisectFinding";
import styles from "./BisectTab.module.css";
import { findBreak, type Mark, markOf, type Rule, toggleMark, trendOf } from "./bisectModel";
import { Value } from "./DiffValues";
import { joinPages, useBisection } from "./queries";
import { RunLink } from "./RunLink";

interface BisectTabProps {
  address: VersionAddress;
  version: Version;
}

const GOALS = [
  { value: "max", label: "higher" },
  { value: "min", label: "lower" },
] as const;

/** Versions in a row with a metric and how much changed at each: where it broke, and by what. */
export default function BisectTab({ address, version }: BisectTabProps) {
  const { state, change, ignored } = useUrlState(bisectParams);
  // Which metrics there are is asked first, where none is chosen.
  const first = useBisection(address, "", state.metric === "");
  const known = joinMetrics(first.data);
  const metric = state.metric || (known[0] ?? "");
  const bisection = useBisection(address, metric, metric !== "" || first.isSuccess);
  const { items, total } = joinPages(bisection.data);
  const metrics = [...new Set([...joinMetrics(bisection.data), ...(metric ? [metric] : [])])];
  const limit = state.limit.trim() === "" ? null : Number(state.limit);
  const isWrong = limit !== null && !Number.isFinite(limit);
  const rule: Rule = {
    goal: state.goal,
    limit: isWrong ? null : limit,
    good: state.good,
    bad: state.bad,
  };
  const failed = [first, bisection].find((query) => query.isError && items.length === 0);

  if (failed !== undefined) {
    return (
      <ErrorCard
        error={failed.error}
        title="The versions could not be read"
        onRetry={failed.refetch}
      />
    );
  }
  if (bisection.data === undefined) {
    return (
      <div className={styles.bisect}>
        <SkeletonRows count={8} label="Loading the versions" />
      </div>
    );
  }
  if (metrics.length === 0) {
    return (
      <EmptyState
        icon="chart"
        title="No run behind these versions has a metric"
        text="A number in the summary of the run that logs a version is one, as the last value of anything logged."
      />
    );
  }
  return (
    <div className={styles.bisect}>
      <div className={styles.toolbar}>
        <Select
          label="Metric"
          value={metric}
          choices={metrics.toSorted().map((value) => ({ value, label: value }))}
          onChoose={(next) => change({ metric: next })}
        />
        <Select
          label="Better is"
          value={state.goal}
          choices={GOALS}
          onChoose={(goal) => change({ goal })}
        />
        <span className={styles.limit}>
          <label htmlFor="bisect-limit">{state.goal === "max" ? "Good from" : "Good up to"}</label>
          <Input
            id="bisect-limit"
            inputMode="decimal"
            placeholder="0.9"
            value={state.limit}
            aria-invalid={isWrong || undefined}
            onChange={(event) => change({ limit: event.currentTarget.value })}
          />
        </span>
        {isWrong && (
          <span className={styles.problem} role="alert">
            Write a number, as 0.9 or 1e-3.
          </span>
        )}
        {state.good.length + state.bad.length > 0 && (
          <Button look="ghost" onClick={() => change({ good: [], bad: [] })}>
            Clear my marks
          </Button>
        )}
      </div>
      <IgnoredParams ignored={ignored} />
      <BisectFinding
        address={address}
        metric={metric}
        steps={items}
        rule={rule}
        hasMore={bisection.hasNextPage}
      />
      <StepTable
        {...{ address, metric, rule }}
        steps={items}
        current={version.version}
        isStale={bisection.isPlaceholderData}
        onMark={(name, mark) => change(toggleMark(rule, name, mark))}
      />
      {bisection.hasNextPage && (
        <div className={styles.more}>
          <Button isBusy={bisection.isFetchingNextPage} onClick={() => bisection.fetchNextPage()}>
            Show more of {total.toLocaleString("en-US")} versions
          </Button>
        </div>
      )}
    </div>
  );
}

function joinMetrics(data: { pages: readonly { metrics: string[] }[] } | undefined): string[] {
  return [...new Set(data?.pages.flatMap((page) => page.metrics))].sort();
}

interface StepTableProps {
  address: VersionAddress;
  metric: string;
  steps: readonly BisectStep[];
  rule: Rule;
  current: string;
  isStale: boolean;
  onMark: (version: string, mark: Mark) => void;
}

const CAUSES = [
  { key: "inputs", label: "Data" },
  { key: "config", label: "Config" },
  { key: "code", label: "Code" },
  { key: "environment", label: "Environment" },
] as const;

function StepTable(props: StepTableProps) {
  const { address, metric, steps, rule, current, isStale, onMark } = props;
  const broken = findBreak(steps, rule);
  const ends = new Set([broken?.good, broken?.bad]);
  return (
    <div className={table.frame}>
      <table
        className={table.table}
        aria-label="Versions in a row"
        data-stale={isStale || undefined}
      >
        <thead>
          <tr>
            <th scope="col">Mark</th>
            <th scope="col">Version</th>
            <th scope="col" className={table.number}>
              {metric}
            </th>
            <th scope="col" className={table.number}>
              Change
            </th>
            {CAUSES.map(({ key, label }) => (
              <th key={key} scope="col" className={table.number}>
                {label}
              </th>
            ))}
            <th scope="col">By run</th>
            <th scope="col">Logged</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => {
            const { version: head, before, value, delta, causes } = step;
            const mark = markOf(step, rule);
            return (
              <tr
                key={head.version}
                className={styles.step}
                data-mark={mark ?? undefined}
                data-end={ends.has(step) || undefined}
                aria-current={head.version === current ? "true" : undefined}
              >
                <td>
                  <Marks
                    version={head.version}
                    mark={mark}
                    onMark={(next) => onMark(head.version, next)}
                  />
                </td>
                <td className={styles.version}>
                  <Link to={versionPath({ ...address, version: head.version })}>
                    {head.version}
                  </Link>{" "}
                  <AliasChips aliases={head.aliases} shownMax={2} />
                </td>
                <td className={table.number}>
                  <Value value={value} />
                </td>
                <td
                  className={table.number}
                  data-trend={trendOf(delta, rule.goal) ?? undefined}
                  title={before === null ? undefined : `since ${before}`}
                >
                  {delta === null ? "–" : `${delta > 0 ? "+" : ""}${formatExact(delta)}`}
                </td>
                {CAUSES.map(({ key }) => (
                  <td key={key} className={table.number}>
                    <Count
                      count={causes?.[key] ?? null}
                      to={
                        before === null
                          ? null
                          : `${versionPath({ ...address, version: head.version }, "diff")}?to=${before}`
                      }
                      label={`${key} changed from ${before} to ${head.version}`}
                    />
                  </td>
                ))}
                <td className={styles.run}>
                  {head.created_by_run === null ? "–" : <RunLink run={head.created_by_run} />}
                </td>
                <td>
                  <TimeAgo us={head.created_at_us} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface MarksProps {
  version: string;
  mark: Mark | null;
  onMark: (mark: Mark) => void;
}

function Marks({ version, mark, onMark }: MarksProps) {
  return (
    <span className={styles.marks}>
      {(["good", "bad"] as const).map((each) => (
        <button
          key={each}
          type="button"
          data-mark={each}
          aria-pressed={mark === each}
          aria-label={`${version} is ${each}`}
          onClick={() => onMark(each)}
        >
          {each}
        </button>
      ))}
    </span>
  );
}

interface CountProps {
  /** null where nothing is known. */
  count: number | null;
  to: string | null;
  label: string;
}

function Count({ count, to, label }: CountProps) {
  if (count === null || to === null) return <span className={styles.none}>–</span>;
  if (count === 0) return <span className={styles.none}>0</span>;
  const text = count.toLocaleString("en-US");
  return (
    <Link to={to} aria-label={`${text} ${label}`}>
      {text}
    </Link>
  );
}

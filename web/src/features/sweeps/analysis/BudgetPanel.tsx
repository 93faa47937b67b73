import { useMemo } from "react";
import type { Amounts, BudgetReport } from "~/api/schema";
import { countOf, formatDate, formatValue } from "~/charts/format";
import { Plot } from "~/charts/plots/Plot";
import { Card } from "~/ui/Card";
import { ErrorCard } from "~/ui/ErrorCard";
import { SkeletonRows } from "~/ui/Skeleton";
import type { TrialColumns } from "../data";
import styles from "./BudgetPanel.module.css";
import { listGains, sinceImprovement } from "./gainModel";
import type { useBudget } from "./queries";

type Kind = keyof Amounts;

const KINDS: readonly { kind: Kind; label: string; write: (amount: number) => string }[] = [
  { kind: "runs", label: "runs", write: (amount) => formatValue(Math.round(amount)) },
  {
    kind: "hours",
    label: "hours",
    write: (amount) => `${formatValue(Number(amount.toFixed(2)))} h`,
  },
  {
    kind: "gpu_hours",
    label: "GPU hours",
    write: (amount) => `${formatValue(Number(amount.toFixed(2)))} h`,
  },
  { kind: "usd", label: "cost", write: (amount) => `$${amount.toFixed(2)}` },
];
const STATES: Readonly<Record<BudgetReport["state"], string>> = {
  unlimited: "No limit is set",
  open: "Within the budget",
  waits: "Waits for runs at work: more could break the budget",
  spent: "The budget is spent",
};

interface BudgetPanelProps {
  answer: ReturnType<typeof useBudget>;
  columns: TrialColumns;
  rows: Int32Array;
}

/** What may be used up, what is, and whether going on still pays. */
export function BudgetPanel({ answer, columns, rows }: BudgetPanelProps) {
  return (
    <Card title="Budget and gain">
      {answer.isError ? (
        <ErrorCard
          error={answer.error}
          title="The budget could not be read"
          onRetry={answer.refetch}
        />
      ) : answer.data === undefined ? (
        <SkeletonRows count={4} label="Reading the budget" />
      ) : (
        <Budget report={answer.data} />
      )}
      <MarginalGain {...{ columns, rows }} />
    </Card>
  );
}

function Budget({ report }: { report: BudgetReport }) {
  const shown = KINDS.filter(
    ({ kind }) => report.limits[kind] != null || (report.spent[kind] ?? 0) > 0,
  );
  const extras = describeExtras(report);
  return (
    <div className={styles.budget}>
      <p className={styles.state} data-state={report.state}>
        {STATES[report.state]}
        {report.reason !== null && `: ${report.reason}`}
        {report.projected_end_at_us !== null &&
          report.state !== "spent" &&
          `. Expected to end ${formatDate(report.projected_end_at_us / 1e6).slice(0, 16)}`}
      </p>
      {shown.map(({ kind, label, write }) => {
        const limit = report.limits[kind] ?? null;
        const spent = report.spent[kind] ?? 0;
        const committed = report.committed[kind] ?? 0;
        const projected = report.projected_spend[kind] ?? null;
        const full = Math.max(limit ?? 0, 1e-9);
        const share = (amount: number) => `${Math.min(100, (amount / full) * 100)}%`;
        return (
          <div key={kind} className={styles.row}>
            <span>{label}</span>
            <span className={limit === null ? undefined : styles.bar}>
              {limit !== null && (
                <>
                  <span className={styles.committed} style={{ width: share(spent + committed) }} />
                  <span className={styles.spent} style={{ width: share(spent) }} />
                </>
              )}
              {limit !== null && projected !== null && (
                <span className={styles.projected} style={{ left: share(projected) }} />
              )}
            </span>
            <span className={styles.amount}>
              {write(spent)}
              {limit !== null && ` of ${write(limit)}`}
              {projected !== null && projected > spent && `, ${write(projected)} expected`}
            </span>
          </div>
        );
      })}
      {extras !== "" && <p className={styles.note}>{extras}</p>}
    </div>
  );
}

function describeExtras({ saved, alerts, unpriced_runs }: BudgetReport): string {
  const savings = KINDS.filter(({ kind }) => kind !== "runs" && (saved[kind] ?? 0) > 0).map(
    ({ kind, label, write }) =>
      kind === "usd" ? write(saved[kind] ?? 0) : `${write(saved[kind] ?? 0)} of ${label}`,
  );
  const stopped = saved.runs ?? 0;
  const reached = alerts.map(
    ({ kind, threshold, at_us }) =>
      `${Math.round(threshold <= 1 ? threshold * 100 : threshold)} % of ${kind.replace("_", " ")} at ${formatDate(at_us / 1e6).slice(0, 16)}`,
  );
  return [
    stopped > 0
      ? `${countOf(stopped, "run")} stopped early${savings.length > 0 ? `, which saved about ${savings.join(", ")}` : ""}.`
      : "",
    reached.length > 0 ? `Alerts: ${reached.join("; ")}.` : "",
    unpriced_runs > 0 ? `${countOf(unpriced_runs, "run")} ran where no price is known.` : "",
  ]
    .filter(Boolean)
    .join(" ");
}

function MarginalGain({ columns, rows }: Omit<BudgetPanelProps, "answer">) {
  const gains = useMemo(() => listGains(columns, rows), [columns, rows]);
  const metric = columns.metrics[0];
  const since = sinceImprovement(gains);
  if (metric === undefined || gains.length < 2 || since === null) {
    return (
      <p className={styles.empty}>
        Whether going on pays is shown from two trials with a value on.
      </p>
    );
  }
  const last = gains.at(-1);
  const size = (gains[0]?.to ?? 1) - (gains[0]?.from ?? 1) + 1;
  return (
    <div className={styles.gain}>
      <h3>
        What each {size === 1 ? "trial" : `${size} trials`} brought: improvement of {metric.name}
      </h3>
      <Plot
        title="Marginal gain"
        data={{
          kind: "bars",
          bars: gains.slice(1).map(({ from, to, gain }) => ({
            label: from === to ? `${to}` : `${from}–${to}`,
            value: gain,
          })),
          x: "trials that ended",
          y: "gain",
        }}
        width={480}
        height={150}
      />
      <p className={styles.note}>
        Best {metric.name} {formatValue(last?.best ?? Number.NaN)}.{" "}
        {since === 0
          ? "The latest trials still improved it."
          : `The last ${countOf(since, "trial")} did not improve it.`}
      </p>
    </div>
  );
}

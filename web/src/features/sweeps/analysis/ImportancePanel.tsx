import { useState } from "react";
import type { ImportanceAnswer } from "~/api/schema";
import { countOf } from "~/charts/format";
import { Button } from "~/ui/Button";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import type { PanelState } from "./analysisParams";
import styles from "./ImportancePanel.module.css";
import type { useImportance } from "./queries";

const SHOWN_FIRST = 10;

interface ImportancePanelProps extends PanelState {
  answer: ReturnType<typeof useImportance>;
  metric: string;
  metrics: readonly string[];
}

/** Which parameters decide the metric: what a forest needs of each, beside what a straight line sees. */
export function ImportancePanel({ answer, metric, metrics, view, change }: ImportancePanelProps) {
  return (
    <Card
      title="Importance of parameters"
      action={
        <Select
          label="of"
          value={metric}
          choices={metrics.map((name) => ({ value: name, label: name }))}
          onChoose={(name) => change({ metric: name })}
        />
      }
    >
      {answer.isError ? (
        <ErrorCard
          error={answer.error}
          title="Importance could not be computed"
          onRetry={answer.refetch}
        />
      ) : answer.data === undefined ? (
        <SkeletonRows count={8} label="Computing importance" />
      ) : answer.data.importances.items.length === 0 ? (
        <EmptyState title="Not enough results yet" text={`${answer.data.importances.note}.`} />
      ) : (
        <Parameters answer={answer.data} view={view} change={change} />
      )}
    </Card>
  );
}

function Parameters({ answer, view, change }: PanelState & { answer: ImportanceAnswer }) {
  const [isAll, setIsAll] = useState(false);
  const { items, note, runs } = answer.importances;
  const shown = isAll ? items : items.slice(0, SHOWN_FIRST);
  return (
    <div className={styles.panel}>
      <p className={styles.note}>
        {countOf(runs, "run")}: {note}.
      </p>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Parameter</th>
            <th scope="col">Importance, with 90 % interval</th>
            <th scope="col">Correlation</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((item) => (
            <tr key={item.name} title={item.note} data-chosen={item.name === view.x || undefined}>
              <th scope="row">
                <button type="button" onClick={() => change({ x: item.name, y: "" })}>
                  {item.name}
                </button>
              </th>
              <td>
                <div className={styles.measure}>
                  <Share share={item.share} low={item.low} high={item.high} />
                  <span>{percent(item.share)}</span>
                </div>
              </td>
              <td>
                <div className={styles.measure}>
                  <Correlation value={item.spearman} />
                  <span>{item.spearman === null ? "–" : signed(item.spearman)}</span>
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {items.length > SHOWN_FIRST && (
        <Button look="ghost" onClick={() => setIsAll(!isAll)}>
          {isAll ? "Show fewer" : `Show all ${items.length} parameters`}
        </Button>
      )}
      <details className={styles.explained}>
        <summary>What is the difference?</summary>
        <p>
          <b>Importance</b> is what a random forest loses when the values of a parameter are
          shuffled among runs it has not seen, as a share of what all parameters lose together. It
          sees curves, categories and parameters that only matter together. The line through a bar
          is where the share would lie for other runs of the same kind, nine times out of ten: two
          parameters whose lines overlap may be in the other order.
        </p>
        <p>
          <b>Correlation</b> (Spearman's, of ranks) says whether the metric rises (+) or falls (−)
          with the parameter. It sees one direction only: where the best value lies in the middle,
          importance is high and correlation near 0. Categories have none.
        </p>
      </details>
    </div>
  );
}

function Share({ share, low, high }: { share: number; low: number; high: number }) {
  return (
    <span className={styles.bar} title={`${percent(low)} to ${percent(high)}`}>
      <span className={styles.fill} style={{ width: `${share * 100}%` }} />
      <span
        className={styles.interval}
        style={{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }}
      />
      <span className="visually-hidden">{`between ${percent(low)} and ${percent(high)}`}</span>
    </span>
  );
}

function Correlation({ value }: { value: number | null }) {
  if (value === null) return <span className={styles.both} />;
  const size = Math.abs(value) * 50;
  return (
    <span className={styles.both}>
      <span
        className={styles.fill}
        style={{ left: `${value < 0 ? 50 - size : 50}%`, width: `${size}%` }}
      />
    </span>
  );
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

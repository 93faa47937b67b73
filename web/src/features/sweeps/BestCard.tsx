import { formatValue } from "~/charts/format";
import { Button } from "~/ui/Button";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import { formatDuration } from "~/ui/format";
import styles from "./BestCard.module.css";
import { listBest } from "./bestModel";
import type { TrialColumns } from "./data";
import { formatMetric, formatParameter } from "./trialTable";

interface BestCardProps {
  columns: TrialColumns;
  rows: Int32Array;
  onOpen: (row: number) => void;
}

const PARAMETERS_MAX = 14;

/** The best trial with its configuration, and what all of them took. */
export function BestCard({ columns, rows, onOpen }: BestCardProps) {
  const { best } = listBest(columns, rows, "trials");
  return (
    <Card
      title="Best trial"
      action={
        best !== null && (
          <Button look="ghost" onClick={() => onOpen(best.row)}>
            Trial {columns.ids[best.row]}
          </Button>
        )
      }
    >
      {best === null ? (
        <EmptyState title="None yet" text="No counted trial has ended with a value." />
      ) : (
        <dl className={styles.facts}>
          {columns.metrics.map((metric) => (
            <Pair
              key={metric.name}
              name={metric.name}
              text={formatMetric(metric, best.row)}
              isMain
            />
          ))}
          {columns.parameters
            .filter(
              ({ kind, numbers }) =>
                kind !== "constant" && !Number.isNaN(numbers[best.row] as number),
            )
            .slice(0, PARAMETERS_MAX)
            .map((parameter) => (
              <Pair
                key={parameter.name}
                name={parameter.name}
                text={formatParameter(parameter, best.row)}
              />
            ))}
          <Pair name="all trials took" text={sumText(columns, rows)} />
        </dl>
      )}
    </Card>
  );
}

function Pair({ name, text, isMain = false }: { name: string; text: string; isMain?: boolean }) {
  return (
    <>
      <dt title={name}>{name}</dt>
      <dd className={isMain ? styles.main : undefined} title={text}>
        {text}
      </dd>
    </>
  );
}

function sumText(columns: TrialColumns, rows: Int32Array): string {
  const sum = (numbers: Float64Array) =>
    rows.reduce((total, row) => total + ((numbers[row] as number) || 0), 0);
  const parts = [formatDuration(sum(columns.durationS))];
  const [gpuHours, usd] = [sum(columns.gpuHours), sum(columns.usd)];
  if (gpuHours > 0) parts.push(`${formatValue(Number(gpuHours.toPrecision(4)))} GPU hours`);
  if (usd > 0) parts.push(`$${usd.toFixed(2)}`);
  return parts.join(", ");
}

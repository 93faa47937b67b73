import { useState } from "react";
import type { JsonValue, MetricChange, ValueChange } from "~/api/types";
import { Card } from "~/ui/Card";
import { formatExact } from "~/ui/format";
import styles from "./DiffTab.module.css";

const ROWS_SHOWN = 50;
const TEXT_SHOWN_MAX = 400;

interface ValueChangesCardProps {
  title: string;
  changes: readonly ValueChange[];
  empty: string;
}

/** Keys with the value before and after. */
export function ValueChangesCard({ title, changes, empty }: ValueChangesCardProps) {
  const [shown, setShown] = useState(ROWS_SHOWN);
  return (
    <Card title={title} count={changes.length}>
      {changes.length === 0 ? (
        <p className={styles.none}>{empty}</p>
      ) : (
        <table className={styles.table} aria-label={title}>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {changes.slice(0, shown).map(({ key, before, after }) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td>
                  <Value value={before} />
                </td>
                <td>
                  <Value value={after} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <ShowMore count={changes.length} shown={shown} onShow={setShown} />
    </Card>
  );
}

/** Metrics with their difference where there is one. */
export function MetricChangesCard({ changes }: { changes: readonly MetricChange[] }) {
  const [shown, setShown] = useState(ROWS_SHOWN);
  return (
    <Card title="Metrics" count={changes.length}>
      <table className={styles.table} aria-label="Metrics">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col" className={styles.number}>
              Before
            </th>
            <th scope="col" className={styles.number}>
              After
            </th>
            <th scope="col" className={styles.number}>
              Difference
            </th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, shown).map(({ key, before, after, delta }) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td className={styles.number}>
                <Value value={before} />
              </td>
              <td className={styles.number}>
                <Value value={after} />
              </td>
              <td className={styles.number}>
                {delta === null ? "–" : `${delta > 0 ? "+" : ""}${formatExact(delta)}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <ShowMore count={changes.length} shown={shown} onShow={setShown} />
    </Card>
  );
}

export function Value({ value }: { value: JsonValue | undefined }) {
  if (value === null || value === undefined) return <span className={styles.absent}>–</span>;
  if (typeof value === "number") return <span title={String(value)}>{formatExact(value)}</span>;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return (
    <code title={text.slice(0, 2_000)}>
      {text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text}
    </code>
  );
}

interface ShowMoreProps {
  count: number;
  shown: number;
  onShow: (shown: number) => void;
}

export function ShowMore({ count, shown, onShow }: ShowMoreProps) {
  if (count <= shown) return null;
  return (
    <button type="button" className={styles.more} onClick={() => onShow(shown + 5 * ROWS_SHOWN)}>
      Show more of {count.toLocaleString("en-US")}
    </button>
  );
}

import { EmptyState } from "~/ui/EmptyState";
import styles from "./PanelBoard.module.css";

const SKELETON_COUNT = 6;

/** Keys that are not drawn are named, so that nothing logged looks lost. */
export function OtherKeys({
  title,
  items,
}: {
  title: string;
  items: { key: string; kind: string }[];
}) {
  if (items.length === 0) return null;
  return (
    <details className={styles.others}>
      <summary>
        {title} <span className={styles.count}>{items.length}</span>
      </summary>
      <ul>
        {items.map((item) => (
          <li key={item.key}>
            <span>{item.key}</span> <span className={styles.kind}>{item.kind}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

export function NoPoints() {
  return (
    <EmptyState
      icon="chart"
      title="Waiting for the first point"
      text="The chart appears here by itself as soon as the run logs a number."
    />
  );
}

export function BoardSkeleton() {
  return (
    <div role="status" aria-label="Loading charts" className={styles.skeletons}>
      {Array.from({ length: SKELETON_COUNT }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the blocks are equal and never move
        <div key={index} className={styles.skeleton} />
      ))}
    </div>
  );
}

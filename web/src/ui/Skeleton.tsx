import styles from "./Skeleton.module.css";

interface SkeletonProps {
  width?: number | string;
  height?: number | string;
}

/** A grey block of the final size. It stays invisible for 150 ms, so quick answers do not flicker. */
export function Skeleton({ width = "100%", height = 12 }: SkeletonProps) {
  return <span className={styles.block} style={{ width, height }} aria-hidden="true" />;
}

/** Rows of a table or list to come; announces once that the page is loading. */
export function SkeletonRows({
  count,
  rowHeight = 34,
  label = "Loading",
}: {
  count: number;
  rowHeight?: number;
  label?: string;
}) {
  return (
    <div role="status" aria-label={label}>
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are equal and never move
        <div key={index} className={styles.row} style={{ height: rowHeight }}>
          <Skeleton width={`${38 + ((index * 37) % 42)}%`} />
        </div>
      ))}
    </div>
  );
}

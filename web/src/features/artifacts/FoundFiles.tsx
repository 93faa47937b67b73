import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { ErrorCard } from "~/ui/ErrorCard";
import { Icon } from "~/ui/Icon";
import { SkeletonRows } from "~/ui/Skeleton";
import { Bytes } from "~/ui/values";
import styles from "./FileRows.module.css";
import found from "./FoundFiles.module.css";
import { joinPages, useFilesByPrefix, type VersionPlace } from "./queries";

interface FoundFilesProps {
  place: VersionPlace;
  prefix: string;
  selected: string;
  onSelect: (path: string) => void;
}

const ROW_PX = 28;
const OVERSCAN = 10;

/** Files whose path begins as asked for, without their directories. */
export function FoundFiles({ place, prefix, selected, onSelect }: FoundFilesProps) {
  const files = useFilesByPrefix(place, prefix);
  const { items } = joinPages(files.data);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => items[index]?.path ?? index,
    overscan: OVERSCAN,
  });
  const rows = list.getVirtualItems();
  const lastIndex = rows.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = files;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lastIndex >= items.length - OVERSCAN) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, lastIndex, items.length]);

  if (files.isPending) {
    return (
      <div className={styles.padded}>
        <SkeletonRows count={8} rowHeight={ROW_PX} label="Finding files" />
      </div>
    );
  }
  if (files.isError && items.length === 0) {
    return (
      <ErrorCard error={files.error} title="The files could not be read" onRetry={files.refetch} />
    );
  }
  if (items.length === 0) return <p className={styles.padded}>No path begins with “{prefix}”.</p>;
  return (
    <div ref={scroller} className={styles.scroller}>
      <ul aria-label="Files found" className={styles.rows} style={{ height: list.getTotalSize() }}>
        {rows.map((row) => {
          const item = items[row.index];
          if (item === undefined) return null;
          return (
            <li
              key={row.key}
              className={styles.row}
              style={{ height: ROW_PX, transform: `translateY(${row.start}px)` }}
            >
              <button
                type="button"
                className={found.file}
                title={item.path}
                aria-pressed={item.path === selected}
                onClick={() => onSelect(item.path)}
              >
                <Icon name={item.ref === null ? "file" : "link"} size={14} />
                <span>{item.path}</span>
              </button>
              <span className={styles.size}>
                <Bytes value={item.size_bytes} />
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

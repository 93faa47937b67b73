import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import type { VersionHead } from "~/api/types";
import { AliasChips } from "~/ui/AliasChips";
import { Button } from "~/ui/Button";
import { type ArtifactTab, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import { TimeAgo } from "~/ui/values";
import { type CollectionPlace, joinPages, useVersions } from "./queries";
import styles from "./VersionRail.module.css";

interface VersionRailProps {
  place: CollectionPlace;
  type: string;
  /** The other versions open with the same view. */
  tab: ArtifactTab;
  current: string;
}

const ROW_PX = 44;
const OVERSCAN = 6;

/** The versions of the collection beside the page; only those on screen exist. */
export function VersionRail({ place, type, tab, current }: VersionRailProps) {
  const versions = useVersions(place);
  const { items } = joinPages(versions.data);
  return (
    <nav className={styles.rail} aria-label="Versions">
      {versions.isPending && (
        <div className={styles.loading}>
          <SkeletonRows count={8} rowHeight={ROW_PX} label="Loading the versions" />
        </div>
      )}
      {versions.isError && items.length === 0 && (
        <div className={styles.error} role="alert">
          <p>The versions could not be read: {versions.error.message}</p>
          <Button onClick={() => versions.refetch()}>Retry</Button>
        </div>
      )}
      {items.length > 0 && (
        <VersionList
          items={items}
          hasMore={versions.hasNextPage && !versions.isFetchingNextPage}
          onEnd={versions.fetchNextPage}
          current={current}
          pathOf={(version) => versionPath({ ...place, type, version }, tab)}
        />
      )}
    </nav>
  );
}

interface VersionListProps {
  items: readonly VersionHead[];
  hasMore: boolean;
  onEnd: () => void;
  current: string;
  pathOf: (version: string) => string;
}

function VersionList({ items, hasMore, onEnd, current, pathOf }: VersionListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => items[index]?.version ?? index,
    overscan: OVERSCAN,
  });
  const rows = list.getVirtualItems();
  const lastIndex = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastIndex >= items.length - OVERSCAN) onEnd();
  }, [hasMore, lastIndex, items.length, onEnd]);
  const currentIndex = items.findIndex((item) => item.version === current);
  const { scrollToIndex } = list;
  useEffect(() => {
    if (currentIndex > 0) scrollToIndex(currentIndex, { align: "auto" });
  }, [currentIndex, scrollToIndex]);

  return (
    <div ref={scroller} className={styles.scroller}>
      <ul className={styles.list} style={{ height: list.getTotalSize() }}>
        {rows.map((row) => {
          const item = items[row.index];
          if (item === undefined) return null;
          return (
            <li
              key={row.key}
              className={styles.item}
              style={{ height: ROW_PX, transform: `translateY(${row.start}px)` }}
            >
              <Link
                className={styles.version}
                to={pathOf(item.version)}
                aria-current={item.version === current ? "page" : undefined}
              >
                <span className={styles.name}>
                  {item.version}
                  <AliasChips aliases={item.aliases} shownMax={1} />
                </span>
                <span className={styles.time}>
                  <TimeAgo us={item.created_at_us} />
                </span>
              </Link>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

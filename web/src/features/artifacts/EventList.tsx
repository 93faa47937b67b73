import type { ReactNode } from "react";
import type { ArtifactEvent } from "~/api/types";
import { Button } from "~/ui/Button";
import { SkeletonRows } from "~/ui/Skeleton";
import { TimeAgo } from "~/ui/values";
import styles from "./EventList.module.css";
import type { useVersionEvents } from "./queries";
import { joinPages } from "./queries";
import { RunLink } from "./RunLink";

interface EventListProps {
  events: ReturnType<typeof useVersionEvents>;
  empty: string;
}

/** What happened, newest first: who moved which alias from where, and so on. */
export function EventList({ events, empty }: EventListProps) {
  const { items } = joinPages(events.data);
  if (events.isPending) {
    return (
      <div className={styles.padded}>
        <SkeletonRows count={3} label="Loading the history" />
      </div>
    );
  }
  if (events.isError && items.length === 0) {
    return (
      <div className={styles.padded} role="alert">
        <p>The history could not be read: {events.error.message}</p>
        <Button onClick={() => events.refetch()}>Retry</Button>
      </div>
    );
  }
  if (items.length === 0) return <p className={styles.padded}>{empty}</p>;
  return (
    <>
      <ol className={styles.events} aria-label="History">
        {items.map((event, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and none is ever put between two
          <li key={`${event.at_us} ${event.kind} ${index}`}>
            <span className={styles.what}>
              {describe(event)}
              {event.note !== null && event.note !== "" && (
                <span className={styles.note}>“{event.note}”</span>
              )}
            </span>
            <span className={styles.who}>
              {event.run !== null ? <RunLink run={event.run} /> : event.user}
              <TimeAgo us={event.at_us} />
            </span>
          </li>
        ))}
      </ol>
      {events.hasNextPage && (
        <div className={styles.more}>
          <Button
            look="ghost"
            isBusy={events.isFetchingNextPage}
            onClick={() => events.fetchNextPage()}
          >
            Show older
          </Button>
        </div>
      )}
    </>
  );
}

function describe({ kind, alias, version, from_version: from }: ArtifactEvent): ReactNode {
  const name = <strong>{alias}</strong>;
  switch (kind) {
    case "alias_added":
      return (
        <>
          Alias {name} given to {version}
        </>
      );
    case "alias_moved":
      return (
        <>
          Alias {name} moved from {from} to {version}
        </>
      );
    case "alias_removed":
      return (
        <>
          Alias {name} removed from {version ?? from}
        </>
      );
    case "version_logged":
      return `${version ?? "A version"} logged`;
    case "version_deleted":
      return `${version ?? "A version"} put into the trash`;
    case "version_restored":
      return `${version ?? "A version"} restored from the trash`;
    case "renamed":
      return "Renamed";
    case "moved":
      return "Moved to another collection";
    case "linked":
      return `${version ?? "A version"} linked`;
    case "unlinked":
      return `Link ${version ?? ""} removed`;
    case "metadata_changed":
      return `Metadata of ${version ?? "a version"} changed`;
    case "ttl_changed":
      return `Expiry of ${version ?? "a version"} changed`;
  }
}

import { useDeferredValue } from "react";
import { Link } from "react-router";
import { useCanEdit } from "~/api/session";
import type { Collection, Version, VersionHead } from "~/api/types";
import { textParam } from "~/core/urlState";
import { useUrlState } from "~/core/useUrlState";
import { AliasChips } from "~/ui/AliasChips";
import { Button } from "~/ui/Button";
import { Card } from "~/ui/Card";
import { ChipEditor } from "~/ui/ChipEditor";
import { ErrorCard } from "~/ui/ErrorCard";
import { SearchInput } from "~/ui/Input";
import { type VersionAddress, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import table from "~/ui/Table.module.css";
import { TextCard } from "~/ui/TextCard";
import { useToast } from "~/ui/Toast";
import { Bytes, TimeAgo } from "~/ui/values";
import { CollectionActions } from "./CollectionActions";
import { EventList } from "./EventList";
import {
  joinPages,
  useCollection,
  useCollectionEvents,
  usePatchCollection,
  useVersions,
} from "./queries";
import { RunLink } from "./RunLink";
import styles from "./VersionsTab.module.css";

interface VersionsTabProps {
  address: VersionAddress;
  version: Version;
}

const params = { q: textParam() };

/** All versions of the collection, and the collection itself. */
export default function VersionsTab({ address, version }: VersionsTabProps) {
  const { state, change } = useUrlState(params);
  const q = useDeferredValue(state.q);
  const versions = useVersions(address, q);
  const { items, total } = joinPages(versions.data);
  const collection = useCollection(address);
  const events = useCollectionEvents(address);
  return (
    <div className={styles.versions}>
      <section className={styles.list} aria-label="All versions">
        <div className={styles.toolbar}>
          <SearchInput
            className={styles.search}
            label="Search versions, aliases and tags"
            value={state.q}
            onText={(text) => change({ q: text })}
          />
          {collection.data !== undefined && (
            <CollectionActions address={address} collection={collection.data} />
          )}
        </div>
        {versions.isPending && <SkeletonRows count={8} label="Loading the versions" />}
        {versions.isError && items.length === 0 && (
          <ErrorCard
            error={versions.error}
            title="The versions could not be read"
            onRetry={versions.refetch}
          />
        )}
        {versions.isSuccess && items.length === 0 && (
          <p className={styles.none}>No version matches “{q}”.</p>
        )}
        {items.length > 0 && (
          <VersionTable items={items} address={address} current={version.version} />
        )}
        {versions.hasNextPage && (
          <div className={styles.more}>
            <Button isBusy={versions.isFetchingNextPage} onClick={() => versions.fetchNextPage()}>
              Show more of {total.toLocaleString("en-US")} versions
            </Button>
          </div>
        )}
      </section>
      <div className={styles.cards}>
        {collection.isError && (
          <ErrorCard
            error={collection.error}
            title="The collection could not be read"
            onRetry={collection.refetch}
          />
        )}
        {collection.data !== undefined && (
          <AboutCollection address={address} collection={collection.data} />
        )}
        <Card title="History of the collection">
          <EventList events={events} empty="Nothing has happened here yet." />
        </Card>
      </div>
    </div>
  );
}

interface VersionTableProps {
  items: readonly VersionHead[];
  address: VersionAddress;
  current: string;
}

function VersionTable({ items, address, current }: VersionTableProps) {
  return (
    <div className={table.frame}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Aliases</th>
            <th scope="col">Tags</th>
            <th scope="col" className={table.number}>
              Size
            </th>
            <th scope="col" className={table.number}>
              Files
            </th>
            <th scope="col">Logged</th>
            <th scope="col">By run</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.version} aria-current={item.version === current ? "true" : undefined}>
              <td className={styles.version}>
                <Link
                  to={versionPath({ ...address, version: item.version })}
                  title={item.description ?? undefined}
                >
                  {item.version}
                </Link>
              </td>
              <td>
                <AliasChips aliases={item.aliases} shownMax={3} />
              </td>
              <td className={styles.tags} title={item.tags.join(", ")}>
                {item.tags.join(", ") || "–"}
              </td>
              <td className={table.number}>
                <Bytes value={item.size_bytes} />
              </td>
              <td className={table.number}>{item.file_count.toLocaleString("en-US")}</td>
              <td>
                <TimeAgo us={item.created_at_us} />
              </td>
              <td className={styles.run}>
                {item.created_by_run === null ? (
                  (item.created_by_user ?? "–")
                ) : (
                  <RunLink run={item.created_by_run} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AboutCollection({
  address,
  collection,
}: {
  address: VersionAddress;
  collection: Collection;
}) {
  const canEdit = useCanEdit(address.entity);
  const patch = usePatchCollection(address);
  const toast = useToast();
  const save = (body: { description?: string; tags?: string[] }, said: string) =>
    patch.mutate(body, {
      onSuccess: () => toast({ text: said }),
      onError: (error) => toast({ text: `Not saved: ${error.message}`, tone: "error" }),
    });
  return (
    <>
      <TextCard
        title="About the collection"
        text={collection.description ?? ""}
        invitation="What are its versions versions of? Describe it."
        isReadOnly={!canEdit}
        onSave={(description) => save({ description }, "Description saved.")}
      />
      <Card title="Tags of the collection">
        <div className={styles.padded}>
          <ChipEditor
            noun="tag"
            values={collection.tags}
            isReadOnly={!canEdit}
            onChange={(tags) => save({ tags }, "Tags saved.")}
          />
        </div>
      </Card>
    </>
  );
}

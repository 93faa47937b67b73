import { Link, useParams } from "react-router";
import { useCanEdit } from "~/api/session";
import type { TrashedVersion } from "~/api/types";
import { Button, LinkButton } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { formatTime } from "~/ui/format";
import { PageTitle } from "~/ui/PageTitle";
import { artifactsPath, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import table from "~/ui/Table.module.css";
import { useToast } from "~/ui/Toast";
import { Bytes, TimeAgo } from "~/ui/values";
import styles from "./ArtifactsPage.module.css";
import { joinPages, useRestoreVersion, useTrash } from "./queries";

/** Deleted versions that can still be had back. */
export default function TrashPage() {
  const { entity = "", project = "" } = useParams();
  const trash = useTrash({ entity, project });
  const { items } = joinPages(trash.data);
  return (
    <div className={styles.page}>
      <PageTitle title={`Trash · ${project}`} />
      <header className={styles.header}>
        <h1>Trash</h1>
        <LinkButton look="ghost" icon="chevronLeft" to={artifactsPath(entity, project)}>
          Artifacts
        </LinkButton>
      </header>
      {trash.isPending && <SkeletonRows count={6} label="Loading the trash" />}
      {trash.isError && items.length === 0 && (
        <ErrorCard
          error={trash.error}
          title="The trash could not be read"
          onRetry={trash.refetch}
        />
      )}
      {trash.isSuccess && items.length === 0 && (
        <EmptyState
          icon="trash"
          title="The trash is empty"
          text="Deleted versions stay here for a while and can be restored; then their space comes free."
        >
          <LinkButton to={artifactsPath(entity, project)}>Go to the artifacts</LinkButton>
        </EmptyState>
      )}
      {items.length > 0 && <TrashTable items={items} />}
      {trash.hasNextPage && (
        <Button isBusy={trash.isFetchingNextPage} onClick={() => trash.fetchNextPage()}>
          Show more
        </Button>
      )}
    </div>
  );
}

function TrashTable({ items }: { items: readonly TrashedVersion[] }) {
  return (
    <div className={table.frame}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Type</th>
            <th scope="col" className={table.number}>
              Frees
            </th>
            <th scope="col">Deleted</th>
            <th scope="col">By</th>
            <th scope="col">Gone for good</th>
            <th scope="col">
              <span className="visually-hidden">Restore</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <TrashRow key={item.version.id} item={item} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TrashRow({ item }: { item: TrashedVersion }) {
  const { entity, project, name, version, type } = item.version;
  const canEdit = useCanEdit(entity);
  const restore = useRestoreVersion({ entity, project });
  const toast = useToast();
  const label = `${name}:${version}`;
  const undo = () =>
    restore.mutate(item.version, {
      onSuccess: () => toast({ text: `${label} is back.` }),
      onError: (error) => toast({ text: `Not restored: ${error.message}`, tone: "error" }),
    });
  return (
    <tr>
      <td className={table.strong}>
        <Link to={versionPath(item.version)} title={label}>
          {label}
        </Link>
      </td>
      <td>{type}</td>
      <td className={table.number}>
        <Bytes value={item.freed_bytes} />
      </td>
      <td>
        <TimeAgo us={item.deleted_at_us} />
      </td>
      <td>{item.deleted_by ?? "its expiry"}</td>
      <td>{formatTime(item.expires_at_us)}</td>
      <td className={table.end}>
        <Button
          icon="undo"
          isBusy={restore.isPending}
          disabled={!canEdit}
          aria-label={`Restore ${label}`}
          onClick={undo}
        >
          Restore
        </Button>
      </td>
    </tr>
  );
}

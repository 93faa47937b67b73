import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { useCanEdit } from "~/api/session";
import type { Collection, CollectionDependents } from "~/api/types";
import { countOf } from "~/charts/format";
import { Button, IconButton } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { formatBytes } from "~/ui/format";
import { Field } from "~/ui/Input";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";
import { artifactsPath, type VersionAddress, versionPath } from "~/ui/paths";
import { Skeleton } from "~/ui/Skeleton";
import { useToast } from "~/ui/Toast";
import styles from "./DeleteDialog.module.css";
import { useCollectionDependents, useDeleteCollection, usePatchCollection } from "./queries";
import { RunLink } from "./RunLink";

interface CollectionActionsProps {
  address: VersionAddress;
  collection: Collection;
}

const NAME_CHARS_MAX = 128;

/** What can be done with a collection as a whole. */
export function CollectionActions({ address, collection }: CollectionActionsProps) {
  const [asked, setAsked] = useState<"rename" | "delete" | null>(null);
  const canEdit = useCanEdit(address.entity);
  const close = () => setAsked(null);
  return (
    <>
      <Menu
        align="end"
        trigger={<IconButton icon="more" label="Actions on the collection" disabled={!canEdit} />}
      >
        <MenuItem icon="edit" onSelect={() => setAsked("rename")}>
          Rename the collection
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon="trash" isDanger onSelect={() => setAsked("delete")}>
          Delete the collection
        </MenuItem>
      </Menu>
      {asked === "rename" && (
        <RenameDialog address={address} collection={collection} onClose={close} />
      )}
      {asked === "delete" && (
        <DeleteCollectionDialog address={address} collection={collection} onClose={close} />
      )}
    </>
  );
}

interface CollectionDialogProps extends CollectionActionsProps {
  onClose: () => void;
}

function RenameDialog({ address, collection, onClose }: CollectionDialogProps) {
  const [name, setName] = useState(collection.name);
  const patch = usePatchCollection(address);
  const navigate = useNavigate();
  const save = (event: FormEvent) => {
    event.preventDefault();
    const next = name.trim();
    if (next === "" || next === collection.name) return onClose();
    patch.mutate(
      { name: next },
      {
        onSuccess: (renamed) => {
          onClose();
          void navigate(versionPath({ ...address, name: renamed.name }, "versions"), {
            replace: true,
          });
        },
      },
    );
  };
  return (
    <Dialog
      title={`Rename ${collection.name}`}
      description="Scripts that ask for the old name will not find it any more."
      isOpen
      onClose={onClose}
    >
      <form className={styles.form} onSubmit={save}>
        <Field
          label="Name"
          value={name}
          maxLength={NAME_CHARS_MAX}
          error={patch.error?.message ?? null}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <div className={styles.actions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" isBusy={patch.isPending}>
            Rename
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Says how much goes and what depends on any of it, then deletes all. */
function DeleteCollectionDialog({ address, collection, onClose }: CollectionDialogProps) {
  const { entity, project, name } = address;
  const isPortfolio = collection.kind === "portfolio";
  const dependents = useCollectionDependents(address);
  const deletion = useDeleteCollection(address);
  const navigate = useNavigate();
  const toast = useToast();
  const remove = () =>
    deletion.mutate(undefined, {
      onSuccess: ({ freed_bytes: freedBytes }) => {
        toast({ text: `${name} was deleted; ${formatBytes(freedBytes)} come free.` });
        void navigate(artifactsPath(entity, project), { replace: true });
      },
    });
  return (
    <Dialog
      title={`Delete the collection ${name}?`}
      description={
        isPortfolio
          ? "Its links will be gone; what they lead to stays."
          : "Its versions go to the trash; each can be restored until it expires there."
      }
      isOpen
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose} autoFocus>
            Cancel
          </Button>
          <Button
            look="danger"
            isBusy={deletion.isPending}
            disabled={dependents.isPending}
            onClick={remove}
          >
            Delete the collection
          </Button>
        </>
      }
    >
      <ul className={styles.list} aria-label="What goes with it">
        <li>
          {isPortfolio
            ? countOf(collection.version_count, "link")
            : `${countOf(collection.version_count, "version")} of ${formatBytes(collection.size_bytes)} together`}
        </li>
        {dependents.isSuccess && <Dependents dependents={dependents.data} />}
      </ul>
      {dependents.isPending && (
        <div className={styles.list} role="status" aria-label="Looking for what depends on it">
          <Skeleton width="70%" />
          <Skeleton width="55%" />
        </div>
      )}
      {dependents.isError && (
        <p className={styles.error} role="alert">
          What depends on it could not be read: {dependents.error.message}
        </p>
      )}
      {deletion.isError && (
        <p className={styles.error} role="alert">
          Not deleted: {deletion.error.message}
        </p>
      )}
    </Dialog>
  );
}

const NAMED_MAX = 5;

/** What hangs on all versions together. */
function Dependents({ dependents }: { dependents: CollectionDependents }) {
  const { aliases, links, used_by: usedBy } = dependents;
  const { alias_count: aliasCount, link_count: linkCount, used_by_count: usedByCount } = dependents;
  return (
    <>
      {aliasCount > 0 && (
        <li>
          {aliasCount === 1 ? "The alias" : `${aliasCount} aliases`}: {namesOf(aliases, aliasCount)}
          ; scripts that ask for them will fail.
        </li>
      )}
      {linkCount > 0 && (
        <li>
          {countOf(linkCount, "link")} from{" "}
          {namesOf([...new Set(links.map(({ name, version }) => `${name}:${version}`))], linkCount)}{" "}
          will be gone.
        </li>
      )}
      {usedByCount > 0 && (
        <li>
          Its versions were used by {countOf(usedByCount, "run")}, whose pages will say that they
          are deleted:
          <ul className={styles.runs}>
            {usedBy.slice(0, NAMED_MAX).map((run) => (
              <li key={`${run.entity}/${run.project}/${run.name}`}>
                <RunLink run={run} withState />
              </li>
            ))}
            {usedByCount > NAMED_MAX && <li>and {usedByCount - NAMED_MAX} more</li>}
          </ul>
        </li>
      )}
      <li>
        {dependents.freed_bytes === 0
          ? "It frees no space."
          : `It frees ${formatBytes(dependents.freed_bytes)} once the trash is emptied.`}
      </li>
    </>
  );
}

function namesOf(names: readonly string[], count: number): string {
  const shown = names.slice(0, NAMED_MAX);
  const more = count - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

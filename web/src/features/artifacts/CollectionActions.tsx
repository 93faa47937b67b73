import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { useCanEdit } from "~/api/session";
import type { Collection } from "~/api/types";
import { countOf } from "~/charts/format";
import { Button, IconButton } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { formatBytes } from "~/ui/format";
import { Field } from "~/ui/Input";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";
import { artifactsPath, type VersionAddress, versionPath } from "~/ui/paths";
import { useToast } from "~/ui/Toast";
import styles from "./DeleteDialog.module.css";
import { useDeleteCollection, useDependents, usePatchCollection } from "./queries";

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

/** Says how much goes and who used the newest version, then deletes all. */
function DeleteCollectionDialog({ address, collection, onClose }: CollectionDialogProps) {
  const { entity, project, name } = address;
  const newest = collection.latest?.version ?? null;
  const isPortfolio = collection.kind === "portfolio";
  const dependents = useDependents(
    { ...address, version: newest ?? "latest" },
    newest !== null && !isPortfolio,
  );
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
  const usedByCount = dependents.data?.used_by_count ?? 0;
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
          <Button look="danger" isBusy={deletion.isPending} onClick={remove}>
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
        {collection.latest !== null && collection.latest.aliases.length > 0 && (
          <li>
            All aliases, such as {collection.latest.aliases.join(", ")}; scripts that ask for them
            will fail.
          </li>
        )}
        {usedByCount > 0 && (
          <li>
            The newest version alone was used by {countOf(usedByCount, "run")}. Their pages will say
            that it is deleted.
          </li>
        )}
      </ul>
      {deletion.isError && (
        <p className={styles.error} role="alert">
          Not deleted: {deletion.error.message}
        </p>
      )}
    </Dialog>
  );
}

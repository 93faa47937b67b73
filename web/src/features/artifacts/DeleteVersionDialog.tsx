import { useNavigate } from "react-router";
import type { Dependents } from "~/api/types";
import { countOf } from "~/charts/format";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { formatBytes, formatTime } from "~/ui/format";
import { artifactsPath, type VersionAddress } from "~/ui/paths";
import { Skeleton } from "~/ui/Skeleton";
import { useToast } from "~/ui/Toast";
import styles from "./DeleteDialog.module.css";
import { useDeleteVersion, useDependents, useRestoreVersion } from "./queries";
import { RunLink } from "./RunLink";

interface DeleteVersionDialogProps {
  /** With the number of the version, not an alias: that may move meanwhile. */
  address: VersionAddress;
  onClose: () => void;
}

const RUNS_SHOWN = 5;

/** Says what depends on the version, then puts it into the trash. */
export function DeleteVersionDialog({ address, onClose }: DeleteVersionDialogProps) {
  const { entity, project, name, version } = address;
  const dependents = useDependents(address, true);
  const deletion = useDeleteVersion(address);
  const restore = useRestoreVersion(address);
  const navigate = useNavigate();
  const toast = useToast();
  const remove = () =>
    deletion.mutate(undefined, {
      onSuccess: ({ expires_at_us: expiresAtUs }) => {
        toast({
          text: `${name}:${version} is in the trash until ${formatTime(expiresAtUs)}.`,
          undo: () =>
            restore.mutate(address, {
              onError: (error) => toast({ text: `Not restored: ${error.message}`, tone: "error" }),
            }),
        });
        void navigate(artifactsPath(entity, project), { replace: true });
      },
    });
  return (
    <Dialog
      title={`Delete ${version} of ${name}?`}
      description="It goes to the trash, from where it can be restored until it expires there."
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
            Delete the version
          </Button>
        </>
      }
    >
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
      {dependents.isSuccess && <DependentList dependents={dependents.data} />}
      {deletion.isError && (
        <p className={styles.error} role="alert">
          Not deleted: {deletion.error.message}
        </p>
      )}
    </Dialog>
  );
}

function DependentList({ dependents }: { dependents: Dependents }) {
  const { aliases, links, used_by: usedBy, used_by_count: usedByCount } = dependents;
  return (
    <ul className={styles.list} aria-label="What depends on it">
      <li>
        {aliases.length === 0
          ? "No alias points to it."
          : `${aliases.length === 1 ? "The alias" : "The aliases"} ${aliases.join(", ")} will be removed; scripts that ask for ${aliases.length === 1 ? "it" : "them"} will fail.`}
      </li>
      {links.length > 0 && (
        <li>
          Linked from {links.map((link) => `${link.name}:${link.version}`).join(", ")}; the links
          will be gone.
        </li>
      )}
      <li>
        {usedByCount === 0 ? (
          "No run has used it."
        ) : (
          <>
            Used by {countOf(usedByCount, "run")}:
            <ul className={styles.runs}>
              {usedBy.slice(0, RUNS_SHOWN).map((run) => (
                <li key={`${run.entity}/${run.project}/${run.name}`}>
                  <RunLink run={run} withState />
                </li>
              ))}
              {usedByCount > RUNS_SHOWN && <li>and {usedByCount - RUNS_SHOWN} more</li>}
            </ul>
          </>
        )}
      </li>
      <li>
        {dependents.freed_bytes === 0
          ? "It frees no space: other versions hold the same files."
          : `It frees ${formatBytes(dependents.freed_bytes)} once the trash is emptied.`}
      </li>
    </ul>
  );
}

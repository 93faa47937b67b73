import { useNavigate } from "react-router";
import type { Version } from "~/api/types";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { artifactsPath, type VersionAddress } from "~/ui/paths";
import { useToast } from "~/ui/Toast";
import styles from "./DeleteDialog.module.css";
import { useUnlink } from "./queries";

interface UnlinkDialogProps {
  /** A place in a portfolio, with the number of the version. */
  address: VersionAddress;
  version: Version;
  onClose: () => void;
}

/** Takes a version out of a portfolio after a question; what it leads to stays. */
export function UnlinkDialog({ address, version, onClose }: UnlinkDialogProps) {
  const { entity, project, name } = address;
  const { source, aliases } = version;
  const unlink = useUnlink(address);
  const navigate = useNavigate();
  const toast = useToast();
  const remove = () =>
    unlink.mutate(undefined, {
      onSuccess: () => {
        toast({ text: `${source.name}:${source.version} is not in ${name} any more.` });
        void navigate(artifactsPath(entity, project), { replace: true });
      },
    });
  return (
    <Dialog
      title={`Remove ${address.version} from ${name}?`}
      description={`The version itself stays: ${source.entity}/${source.project}/${source.name}:${source.version}.`}
      isOpen
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose} autoFocus>
            Cancel
          </Button>
          <Button look="danger" isBusy={unlink.isPending} onClick={remove}>
            Remove the link
          </Button>
        </>
      }
    >
      <ul className={styles.list} aria-label="What goes with it">
        <li>
          {aliases.length === 0
            ? "No alias points to it here."
            : `Scripts that ask ${name} for ${aliases.join(", ")} will fail.`}
        </li>
      </ul>
      {unlink.isError && (
        <p className={styles.error} role="alert">
          Not removed: {unlink.error.message}
        </p>
      )}
    </Dialog>
  );
}

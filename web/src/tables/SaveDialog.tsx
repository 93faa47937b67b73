import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import type { SavedVersion } from "../api/types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Input";
import { versionPath } from "../ui/paths";
import { type RowsQuery, useSaveTable } from "./queries";
import styles from "./SaveDialog.module.css";

interface SaveDialogProps {
  entity: string;
  project: string;
  query: RowsQuery;
  /** Rows that will be saved. */
  total: number;
  /** What the collection could be called. */
  suggestion: string;
  onClose: () => void;
}

const TYPE = "dataset";

/** Keeps the rows that pass the filters as a new version of a dataset. */
export function SaveDialog({
  entity,
  project,
  query,
  total,
  suggestion,
  onClose,
}: SaveDialogProps) {
  const [collection, setCollection] = useState(suggestion);
  const [description, setDescription] = useState("");
  const save = useSaveTable();
  const rows = `${total.toLocaleString("en-US")} ${total === 1 ? "row" : "rows"}`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (save.isPending) return;
    const { ref, where = null, search = null, sort = [], columns = null } = query;
    save.mutate({
      ...{ ref, where, search, sort, columns, entity, project, type: TYPE },
      collection: collection.trim(),
      description: description.trim() === "" ? null : description.trim(),
    });
  };
  return (
    <Dialog
      title="Save as a dataset"
      description={`The ${rows} that are found now, in their order and with the shown columns, become a new version. Media files come with them.`}
      isOpen
      onClose={onClose}
    >
      {save.isSuccess ? (
        <Saved saved={save.data} onClose={onClose} />
      ) : (
        <form className={styles.form} onSubmit={submit}>
          <Field
            label="Dataset"
            help={`A collection of the type “${TYPE}” in ${entity}/${project}; made if there is none.`}
            value={collection}
            required
            maxLength={128}
            error={save.isError ? save.error.message : null}
            onChange={(event) => setCollection(event.currentTarget.value)}
          />
          <Field
            label="Description (optional)"
            value={description}
            maxLength={2000}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          <footer>
            <Button onClick={onClose}>Cancel</Button>
            <Button look="primary" type="submit" isBusy={save.isPending}>
              Save {rows}
            </Button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

function Saved({ saved, onClose }: { saved: SavedVersion; onClose: () => void }) {
  const { entity, project, collection, version } = saved;
  return (
    <div className={styles.form} role="status">
      <p>
        {saved.row_count.toLocaleString("en-US")} rows are in{" "}
        <Link to={versionPath({ entity, project, type: TYPE, name: collection, version }, "files")}>
          {collection}:{version}
        </Link>
        {saved.file_count > 1 &&
          `, with ${(saved.file_count - 1).toLocaleString("en-US")} media files`}
        .
      </p>
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </div>
  );
}

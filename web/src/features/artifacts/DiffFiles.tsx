import { useState } from "react";
import type { FileChange, FileChanges } from "~/api/types";
import { countOf } from "~/charts/format";
import { Card } from "~/ui/Card";
import { formatBytes } from "~/ui/format";
import { SearchInput } from "~/ui/Input";
import { Bytes } from "~/ui/values";
import styles from "./DiffTab.module.css";
import { ShowMore } from "./DiffValues";

const ROWS_SHOWN = 100;
type Change = "added" | "removed" | "changed";
const MARKS: Record<Change, string> = { added: "+", removed: "−", changed: "~" };

/** Files that were added, removed or changed. */
export function FileChangesCard({ files }: { files: FileChanges }) {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(ROWS_SHOWN);
  const { counts } = files;
  const rows = (["added", "removed", "changed"] as const).flatMap((change) =>
    files[change].map((file) => ({ change, file })),
  );
  const wanted = search.toLowerCase();
  const found = rows.filter(({ file }) => file.path.toLowerCase().includes(wanted));
  const total = counts.added + counts.removed + counts.changed;
  return (
    <Card
      title="Files"
      count={total}
      action={
        rows.length > 0 && (
          <SearchInput label="Filter changed files" value={search} onText={setSearch} />
        )
      }
    >
      <p className={styles.none}>
        {total === 0 ? (
          `All ${countOf(counts.same, "file")} are the same.`
        ) : (
          <>
            {counts.added.toLocaleString("en-US")} added, {counts.removed.toLocaleString("en-US")}{" "}
            removed, {counts.changed.toLocaleString("en-US")} changed,{" "}
            {counts.same.toLocaleString("en-US")} the same; {formatBytes(files.bytes_added)} came,{" "}
            {formatBytes(files.bytes_removed)} went
            {rows.length < total && `. The first ${rows.length.toLocaleString("en-US")} are listed`}
            .
          </>
        )}
      </p>
      {found.length > 0 && (
        <table className={styles.table} aria-label="Changed files">
          <thead>
            <tr>
              <th scope="col" style={{ width: "60%" }}>
                File
              </th>
              <th scope="col" className={styles.number}>
                Before
              </th>
              <th scope="col" className={styles.number}>
                After
              </th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, shown).map(({ change, file }) => (
              <FileRow key={`${change} ${file.path}`} change={change} file={file} />
            ))}
          </tbody>
        </table>
      )}
      {rows.length > 0 && found.length === 0 && (
        <p className={styles.none}>No changed file matches “{search}”.</p>
      )}
      <ShowMore count={found.length} shown={shown} onShow={setShown} />
    </Card>
  );
}

function FileRow({ change, file }: { change: Change; file: FileChange }) {
  return (
    <tr>
      <td>
        <span className={styles.mark} data-change={change} title={change}>
          <span aria-hidden="true">{MARKS[change]}</span>
          <span className="visually-hidden">{change}</span>
        </span>
        {file.path}
      </td>
      <td className={styles.number}>
        {file.size_before === null ? (
          <span className={styles.absent}>–</span>
        ) : (
          <Bytes value={file.size_before} />
        )}
      </td>
      <td className={styles.number}>
        {file.size_after === null ? (
          <span className={styles.absent}>–</span>
        ) : (
          <Bytes value={file.size_after} />
        )}
      </td>
    </tr>
  );
}

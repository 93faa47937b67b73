import { useMemo } from "react";
import type { RunFile } from "../../api/types";
import { Icon } from "../../ui/Icon";
import { localUrl, nameOf } from "../../ui/preview/fileContent";
import { Bytes } from "../../ui/values";
import styles from "./FileTree.module.css";
import { buildFileRows, type FileRow } from "./fileTree";

interface FileTreeProps {
  files: readonly RunFile[];
  search: string;
  folded: ReadonlySet<string>;
  selected: string;
  onToggle: (path: string) => void;
  onSelect: (path: string) => void;
}

export function FileTree({ files, search, folded, selected, onToggle, onSelect }: FileTreeProps) {
  const rows = useMemo(() => buildFileRows(files, { folded, search }), [files, folded, search]);
  if (rows.length === 0) return <p className={styles.none}>No file matches “{search}”.</p>;
  return (
    <ul className={styles.tree} aria-label="Files">
      {rows.map((row) => (
        <li
          key={row.path}
          className={styles.row}
          aria-current={row.path === selected ? "true" : undefined}
        >
          <button
            type="button"
            className={styles.name}
            style={{ paddingLeft: `calc(var(--space-8) + ${row.depth} * var(--space-16))` }}
            title={row.path}
            aria-expanded={row.file === null ? !folded.has(row.path) : undefined}
            onClick={() => (row.file === null ? onToggle(row.path) : onSelect(row.path))}
          >
            <Icon name={iconOf(row, folded)} size={14} />
            <span>{row.name}</span>
            {row.file === null && <span className={styles.count}>{row.fileCount}</span>}
          </button>
          <span className={styles.size}>
            <Bytes value={row.sizeBytes} />
          </span>
          {row.file === null ? (
            <span className={styles.download} />
          ) : (
            <a
              className={styles.download}
              href={localUrl(row.file.url)}
              download={nameOf(row.path)}
              aria-label={`Download ${row.path}`}
              title="Download"
            >
              <Icon name="download" size={14} />
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}

function iconOf(row: FileRow, folded: ReadonlySet<string>) {
  if (row.file === null) return folded.has(row.path) ? "chevronRight" : "chevronDown";
  return row.file.mimetype?.startsWith("image/") ? "image" : "file";
}

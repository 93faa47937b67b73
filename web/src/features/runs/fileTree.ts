/** Files by their paths, as rows of an indented tree: folders first, both by name. */

import type { RunFile } from "../../api/types";
import { nameOf } from "../../ui/preview/fileContent";

export interface FileRow {
  path: string;
  name: string;
  depth: number;
  /** Null for a folder. */
  file: RunFile | null;
  /** Of a folder: all below it. */
  fileCount: number;
  sizeBytes: number;
}

interface Folder {
  folders: Map<string, Folder>;
  files: RunFile[];
  fileCount: number;
  sizeBytes: number;
}

export function buildFileRows(
  files: readonly RunFile[],
  options: { folded: ReadonlySet<string>; search: string },
): FileRow[] {
  const wanted = options.search.trim().toLowerCase();
  const root = makeFolder();
  for (const file of files) {
    if (file.name.toLowerCase().includes(wanted)) place(root, file);
  }
  const rows: FileRow[] = [];
  // Folded folders are opened by a search: what it found must be seen.
  list(root, "", 0, wanted === "" ? options.folded : new Set(), rows);
  return rows;
}

function place(root: Folder, file: RunFile): void {
  let folder = root;
  count(folder, file);
  for (const part of file.name.split("/").slice(0, -1)) {
    let next = folder.folders.get(part);
    if (next === undefined) {
      next = makeFolder();
      folder.folders.set(part, next);
    }
    folder = next;
    count(folder, file);
  }
  folder.files.push(file);
}

function list(
  folder: Folder,
  prefix: string,
  depth: number,
  folded: ReadonlySet<string>,
  rows: FileRow[],
): void {
  const names = [...folder.folders.keys()].sort(compare);
  for (const name of names) {
    const child = folder.folders.get(name) as Folder;
    const path = prefix + name;
    const { fileCount, sizeBytes } = child;
    rows.push({ path, name, depth, file: null, fileCount, sizeBytes });
    if (!folded.has(path)) list(child, `${path}/`, depth + 1, folded, rows);
  }
  for (const file of [...folder.files].sort((a, b) => compare(a.name, b.name))) {
    rows.push({
      path: file.name,
      name: nameOf(file.name),
      depth,
      file,
      fileCount: 1,
      sizeBytes: file.size_bytes,
    });
  }
}

function makeFolder(): Folder {
  return { folders: new Map(), files: [], fileCount: 0, sizeBytes: 0 };
}

function count(folder: Folder, file: RunFile): void {
  folder.fileCount += 1;
  folder.sizeBytes += file.size_bytes;
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

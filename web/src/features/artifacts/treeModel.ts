/** Directories read page by page, as one list of rows. */

import type { Page, TreeItem } from "~/api/types";

/** Where a directory is read from next; null is its beginning. */
export interface PageAddress {
  path: string;
  cursor: string | null;
}

export type PageState =
  | { status: "loading" }
  | { status: "failed"; message: string }
  | { status: "here"; page: Page<TreeItem> };

export type TreeLine =
  | { kind: "item"; key: string; depth: number; item: TreeItem; isOpen: boolean }
  | { kind: "loading"; key: string; depth: number }
  | { kind: "failed"; key: string; depth: number; path: string; message: string }
  /** Stands for what has not been asked for yet; `left` is unknown while null. */
  | { kind: "more"; key: string; depth: number; next: PageAddress; left: number | null };

export const ROOT = "";

export function keyOf({ path, cursor }: PageAddress): string {
  return `${cursor ?? ""}\n${path}`;
}

/**
 * The rows that are open, in the order of the server.
 *
 * @param wanted how many pages of each directory were asked for; one where it says nothing.
 */
export function listTreeLines(
  read: (address: PageAddress) => PageState,
  open: ReadonlySet<string>,
  wanted: ReadonlyMap<string, number>,
): TreeLine[] {
  const lines: TreeLine[] = [];
  const visit = (path: string, depth: number) => {
    let cursor: string | null = null;
    let count = 0;
    for (let pages = wanted.get(path) ?? 1; pages > 0; pages--) {
      const key = keyOf({ path, cursor });
      const state = read({ path, cursor });
      if (state.status === "loading") {
        lines.push({ kind: "loading", key: `loading ${key}`, depth });
        return;
      }
      if (state.status === "failed") {
        lines.push({ kind: "failed", key: `failed ${key}`, depth, path, message: state.message });
        return;
      }
      for (const item of state.page.items) {
        const isOpen = item.is_dir && open.has(item.path);
        lines.push({ kind: "item", key: item.path, depth, item, isOpen });
        if (isOpen) visit(item.path, depth + 1);
      }
      count += state.page.items.length;
      cursor = state.page.next_cursor ?? null;
      if (cursor === null) return;
      if (pages === 1) {
        const total = state.page.total ?? null;
        const left = total === null ? null : total - count;
        lines.push({ kind: "more", key: `more ${path}`, depth, next: { path, cursor }, left });
      }
    }
  };
  visit(ROOT, 0);
  return lines;
}

/** The directories above a path: "a/b/c.txt" has "a" and "a/b". */
export function listParents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

import { useQueries } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { treeQuery, type VersionPlace } from "./queries";
import {
  keyOf,
  listParents,
  listTreeLines,
  type PageAddress,
  type PageState,
  ROOT,
  type TreeLine,
} from "./treeModel";

interface Tree {
  lines: readonly TreeLine[];
  toggle: (path: string) => void;
  /** Asks for the page that a "more" line stands for. */
  readMore: (next: PageAddress) => void;
  retry: () => void;
}

/** The directory tree of a version; what is shown is what has been asked for. */
export function useTree(place: VersionPlace, selected: string): Tree {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(listParents(selected)));
  // For each directory the pages that are wanted, in their order.
  const [pages, setPages] = useState<ReadonlyMap<string, readonly (string | null)[]>>(new Map());
  const addresses = useMemo(
    () =>
      [ROOT, ...open].flatMap((path) =>
        (pages.get(path) ?? [null]).map((cursor) => ({ path, cursor })),
      ),
    [open, pages],
  );
  const results = useQueries({
    queries: addresses.map(({ path, cursor }) => treeQuery(place, path, cursor)),
  });

  const states = new Map<string, PageState>();
  for (const [index, address] of addresses.entries()) {
    const result = results[index];
    if (result?.data !== undefined) {
      states.set(keyOf(address), { status: "here", page: result.data });
    } else if (result?.isError) {
      states.set(keyOf(address), { status: "failed", message: result.error.message });
    }
  }
  const wanted = new Map([...pages].map(([path, cursors]) => [path, cursors.length]));
  const lines = listTreeLines(
    (address) => states.get(keyOf(address)) ?? { status: "loading" },
    open,
    wanted,
  );

  const toggle = useCallback((path: string) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(path)) next.add(path);
      return next;
    });
  }, []);
  const readMore = useCallback(({ path, cursor }: PageAddress) => {
    setPages((before) => {
      const cursors = before.get(path) ?? [null];
      return cursors.includes(cursor) ? before : new Map(before).set(path, [...cursors, cursor]);
    });
  }, []);
  const retry = () => {
    for (const result of results) if (result.isError) void result.refetch();
  };
  return { lines, toggle, readMore, retry };
}

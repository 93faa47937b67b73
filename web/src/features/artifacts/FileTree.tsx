import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { TreeItem } from "~/api/types";
import { Icon, type IconName } from "~/ui/Icon";
import { Bytes } from "~/ui/values";
import styles from "./FileRows.module.css";
import type { VersionPlace } from "./queries";
import type { TreeLine } from "./treeModel";
import { useTree } from "./useTree";

interface FileTreeProps {
  place: VersionPlace;
  selected: string;
  onSelect: (path: string) => void;
}

const ROW_PX = 28;
const OVERSCAN = 10;
const INDENT_PX = 16;

/** A tree of any size: directories are read as they are opened, and only rows on screen exist. */
export function FileTree({ place, selected, onSelect }: FileTreeProps) {
  const tree = useTree(place, selected);
  const scroller = useRef<HTMLDivElement>(null);
  // The row that Tab leads to, by key: rows move when directories are opened.
  const [focusKey, setFocusKey] = useState(selected);
  const wantsFocus = useRef(false);
  const { lines, toggle, readMore } = tree;
  const list = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => lines[index]?.key ?? index,
    overscan: OVERSCAN,
  });
  const rows = list.getVirtualItems();
  const focusIndex = Math.max(
    0,
    lines.findIndex((line) => line.key === focusKey),
  );

  // The file of a link is scrolled to once its directories are read; later on the reader scrolls.
  const isShown = useRef(selected === "");
  useEffect(() => {
    const at = lines.findIndex((line) => line.kind === "item" && line.item.path === selected);
    if (isShown.current || at < 0) return;
    isShown.current = true;
    list.scrollToIndex(at, { align: "auto" });
  });

  // A "more" line that comes on screen reads its page.
  useEffect(() => {
    for (const row of rows) {
      const line = lines[row.index];
      if (line?.kind === "more") readMore(line.next);
    }
  });
  useEffect(() => {
    if (!wantsFocus.current) return;
    const target = scroller.current?.querySelector<HTMLElement>("[tabindex='0']");
    if (target?.dataset.key !== focusKey) return;
    wantsFocus.current = false;
    target.focus();
  });

  const focusAt = (index: number) => {
    const line = lines[Math.min(Math.max(index, 0), lines.length - 1)];
    if (line === undefined) return;
    wantsFocus.current = true;
    setFocusKey(line.key);
    list.scrollToIndex(lines.indexOf(line), { align: "auto" });
  };
  const act = (line: TreeLine) => {
    setFocusKey(line.key);
    if (line.kind === "failed") tree.retry();
    if (line.kind !== "item") return;
    if (line.item.is_dir) toggle(line.item.path);
    else onSelect(line.item.path);
  };
  const followKey = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const line = lines[focusIndex];
    if (line === undefined) return;
    const isFolder = line.kind === "item" && line.item.is_dir;
    if (event.key === "ArrowDown") focusAt(focusIndex + 1);
    else if (event.key === "ArrowUp") focusAt(focusIndex - 1);
    else if (event.key === "Home") focusAt(0);
    else if (event.key === "End") focusAt(lines.length - 1);
    else if (event.key === "PageDown") focusAt(focusIndex + 20);
    else if (event.key === "PageUp") focusAt(focusIndex - 20);
    else if (event.key === "ArrowRight" && isFolder) {
      if (line.isOpen) focusAt(focusIndex + 1);
      else act(line);
    } else if (event.key === "ArrowLeft") {
      if (isFolder && line.isOpen) act(line);
      else focusAt(lines.findLastIndex((each, at) => at < focusIndex && each.depth < line.depth));
    } else if (event.key === "Enter" || event.key === " ") act(line);
    else return;
    event.preventDefault();
  };

  return (
    <div ref={scroller} className={styles.scroller}>
      <div
        role="tree"
        aria-label="Files"
        className={styles.rows}
        style={{ height: list.getTotalSize() }}
        onKeyDown={followKey}
      >
        {rows.map((row) => {
          const line = lines[row.index];
          if (line === undefined) return null;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the tree follows keys for all its rows
            <div
              key={row.key}
              role="treeitem"
              data-key={line.key}
              aria-level={line.depth + 1}
              aria-selected={line.kind === "item" && line.item.path === selected}
              aria-expanded={line.kind === "item" && line.item.is_dir ? line.isOpen : undefined}
              tabIndex={row.index === focusIndex ? 0 : -1}
              className={styles.row}
              style={{ height: ROW_PX, transform: `translateY(${row.start}px)` }}
              onClick={() => act(line)}
            >
              <Line line={line} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Line({ line }: { line: TreeLine }) {
  const style = { paddingLeft: `calc(var(--space-8) + ${line.depth * INDENT_PX}px)` };
  if (line.kind === "failed") {
    return (
      <span className={styles.name} style={style} title={line.message}>
        <Icon name="warning" size={14} />
        <span className={styles.failed}>Could not be read; press to try again</span>
      </span>
    );
  }
  if (line.kind !== "item") {
    const left =
      line.kind === "more" && line.left !== null
        ? ` ${line.left.toLocaleString("en-US")} more`
        : "";
    return (
      <span className={styles.name} style={style}>
        <span className={styles.faint}>Loading{left}…</span>
      </span>
    );
  }
  const { item } = line;
  return (
    <>
      <span
        className={styles.name}
        style={style}
        title={
          item.ref === null || item.ref === undefined ? item.path : `${item.path}\n${item.ref}`
        }
      >
        <Icon name={iconOf(item, line.isOpen)} size={14} />
        <span>{item.name}</span>
        {item.is_dir && item.file_count != null && (
          <span className={styles.count}>{item.file_count.toLocaleString("en-US")}</span>
        )}
      </span>
      <span className={styles.size}>
        <Bytes value={item.size_bytes} />
      </span>
    </>
  );
}

function iconOf(item: TreeItem, isOpen: boolean): IconName {
  if (item.is_dir) return isOpen ? "chevronDown" : "chevronRight";
  if (item.ref != null) return "link";
  return item.mimetype?.startsWith("image/") ? "image" : "file";
}

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { Link } from "react-router";
import type { RunRow } from "~/api/types";
import type { RunStyle } from "~/core/color";
import type { Highlight } from "~/core/highlight";
import { classes } from "~/ui/classes";
import { runPath } from "~/ui/paths";
import { StatusDot } from "~/ui/StatusDot";
import { EyeIcon } from "./EyeIcon";
import styles from "./RunList.module.css";

interface RunListProps {
  rows: readonly RunRow[];
  total: number;
  visible: ReadonlySet<string>;
  solo: string;
  styleOf: (row: RunRow) => RunStyle;
  highlight: Highlight;
  onToggle: (name: string) => void;
  onSolo: (name: string) => void;
  onEnd: () => void;
}

const ROW_PX = 30;
const OVERSCAN = 8;

/** The runs of a project; only rows on screen exist. */
export function RunList({ rows, total, highlight, onEnd, ...actions }: RunListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rows[index]?.name ?? index,
    overscan: OVERSCAN,
  });
  const items = list.getVirtualItems();
  const lastIndex = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    if (rows.length < total && lastIndex >= rows.length - OVERSCAN * 2) onEnd();
  }, [rows.length, total, lastIndex, onEnd]);

  const followKey = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-run]");
    const name = row?.dataset.run;
    if (row === null || name === undefined) return;
    const focusLink = (at: Element | null) => at?.querySelector<HTMLElement>("a")?.focus();
    if (event.key === "j" || event.key === "ArrowDown") focusLink(row.nextElementSibling);
    else if (event.key === "k" || event.key === "ArrowUp") focusLink(row.previousElementSibling);
    else if (event.key === "x") actions.onToggle(name);
    else if (event.key === "o") actions.onSolo(actions.solo === name ? "" : name);
    else return;
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the focusable rows inside bubble here
    <div ref={scroller} className={styles.scroller} onKeyDown={followKey}>
      <ul aria-label="Runs" style={{ height: list.getTotalSize() }} className={styles.list}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <li
              key={item.key}
              data-run={row.name}
              aria-posinset={item.index + 1}
              aria-setsize={total}
              className={styles.item}
              style={{ height: ROW_PX, transform: `translateY(${item.start}px)` }}
              onPointerEnter={() => highlight.set(actions.visible.has(row.name) ? row.name : null)}
              onPointerLeave={() => highlight.set(null)}
            >
              <Row row={row} highlight={highlight} {...actions} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

type RowProps = Omit<RunListProps, "rows" | "total" | "onEnd"> & { row: RunRow };

function Row({ row, visible, solo, styleOf, highlight, onToggle, onSolo }: RowProps) {
  const { name, display_name: displayName } = row;
  const isVisible = visible.has(name);
  const isSolo = solo === name;
  const isLit = useIsHighlighted(highlight, name);
  const { color, dash } = styleOf(row);
  return (
    <div className={classes(styles.row, isLit && styles.lit, !isVisible && styles.off)}>
      <button
        type="button"
        className={styles.eye}
        aria-label={`Show ${displayName}`}
        aria-pressed={isVisible}
        title={isVisible ? "Hide (x)" : "Show (x)"}
        onClick={() => onToggle(name)}
      >
        <EyeIcon isOpen={isVisible} />
      </button>
      <svg className={styles.swatch} width="14" height="10" aria-hidden="true">
        <line
          x1="0"
          x2="14"
          y1="5"
          y2="5"
          stroke={color}
          strokeWidth="3"
          strokeDasharray={dash.join(" ")}
        />
      </svg>
      <StatusDot state={row.state} />
      <Link
        className={styles.name}
        to={runPath({ entity: row.entity, project: row.project, run: row.name })}
        title={displayName}
      >
        {displayName}
      </Link>
      <button
        type="button"
        className={styles.solo}
        aria-label={isSolo ? `Show others beside ${displayName}` : `Show only ${displayName}`}
        aria-pressed={isSolo}
        title={isSolo ? "Show the others again (o)" : "Show only this run (o)"}
        onClick={() => onSolo(isSolo ? "" : name)}
      >
        solo
      </button>
    </div>
  );
}

function useIsHighlighted(highlight: Highlight, name: string): boolean {
  const read = useCallback(() => highlight.run === name, [highlight, name]);
  return useSyncExternalStore(highlight.subscribe, read);
}

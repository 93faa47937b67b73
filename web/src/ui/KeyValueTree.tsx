import { type KeyboardEvent, useMemo, useState } from "react";
import type { JsonObject, JsonValue } from "../api/types";
import { CopyButton } from "./CopyButton";
import { formatExact } from "./format";
import { Icon } from "./Icon";
import styles from "./KeyValueTree.module.css";
import { buildRows, countLeaves, describeMedia, isObject, type TreeRow } from "./keyValueRows";

/** Rows in the DOM before "Show more": 5,000 keys must not make 5,000 nodes. */
const PAGE_ROWS = 200;

interface KeyValueTreeProps {
  label: string;
  value: JsonObject;
  /** Text or /regex/ matched against the dotted path and the value. */
  search: string;
}

/** Nested settings as an indented list; branches fold, and a search opens what it finds. */
export function KeyValueTree({ label, value, search }: KeyValueTreeProps) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [shownCount, setShownCount] = useState(PAGE_ROWS);
  const rows = useMemo(() => buildRows(value, { search, folded }), [value, search, folded]);

  const toggle = (path: string) =>
    setFolded((before) => {
      const next = new Set(before);
      if (!next.delete(path)) next.add(path);
      return next;
    });

  if (rows.length === 0) return <p className={styles.none}>Nothing here matches “{search}”.</p>;
  return (
    <div className={styles.tree}>
      <table aria-label={label}>
        <colgroup>
          <col className={styles.keys} />
          <col />
        </colgroup>
        <tbody>
          {rows.slice(0, shownCount).map((row) => (
            <Row key={row.path} row={row} onToggle={toggle} />
          ))}
        </tbody>
      </table>
      {rows.length > shownCount && (
        <button
          type="button"
          className={styles.more}
          onClick={() => setShownCount(shownCount + 5 * PAGE_ROWS)}
        >
          Show more of {rows.length.toLocaleString()} rows
        </button>
      )}
    </div>
  );
}

function Row({ row, onToggle }: { row: TreeRow; onToggle: (path: string) => void }) {
  const indent = { paddingLeft: `calc(var(--space-12) + ${row.depth} * var(--space-16))` };
  if (row.isBranch) {
    const onKeyDown = (event: KeyboardEvent) => {
      const wantsOpen = event.key === "ArrowRight" && row.isFolded;
      const wantsFold = event.key === "ArrowLeft" && !row.isFolded;
      if (wantsOpen || wantsFold) onToggle(row.path);
    };
    return (
      <tr>
        <th scope="row" colSpan={2} style={indent}>
          <button
            type="button"
            className={styles.branch}
            aria-expanded={!row.isFolded}
            onClick={() => onToggle(row.path)}
            onKeyDown={onKeyDown}
          >
            <Icon name={row.isFolded ? "chevronRight" : "chevronDown"} size={12} />
            {row.name}
            <span className={styles.count}>{countLeaves(row.value)}</span>
          </button>
        </th>
      </tr>
    );
  }
  return (
    <tr>
      <th scope="row" style={indent} title={row.path}>
        <span className={styles.key}>{row.name}</span>
      </th>
      <td>
        <span className={styles.value}>
          <Value value={row.value} />
          <span className={styles.copy}>
            <CopyButton text={toText(row.value)} label={`Copy ${row.path}`} />
          </span>
        </span>
      </td>
    </tr>
  );
}

const TEXT_SHOWN_MAX = 400;
const NONFINITE: readonly JsonValue[] = ["NaN", "Infinity", "-Infinity"];

function Value({ value }: { value: JsonValue }) {
  if (typeof value === "number") {
    return (
      <span className={styles.number} title={String(value)}>
        {formatExact(value)}
      </span>
    );
  }
  if (NONFINITE.includes(value)) return <span className={styles.nonfinite}>{String(value)}</span>;
  if (value === null || typeof value === "boolean") {
    return <span className={styles.literal}>{String(value)}</span>;
  }
  if (typeof value === "string") {
    if (value === "") return <span className={styles.literal}>empty text</span>;
    const shown = value.length > TEXT_SHOWN_MAX ? `${value.slice(0, TEXT_SHOWN_MAX)}…` : value;
    return <span className={styles.text}>{shown}</span>;
  }
  const text = toText(value);
  const media = describeMedia(value);
  if (media !== null) {
    return (
      <span className={styles.literal} title={text.slice(0, 2000)}>
        {media}
      </span>
    );
  }
  return (
    <code className={styles.json} title={text.slice(0, 2000)}>
      {text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text}
    </code>
  );
}

function toText(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, isObject(value) ? 2 : 0);
}

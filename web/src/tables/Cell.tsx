import type { JsonValue, TableColumn } from "../api/types";
import { readCellMedia, type ShownMedia } from "../media/items";
import { labelOfItem, NO_OVERLAYS, Picture } from "../media/Picture";
import { formatExact } from "../ui/format";
import { Icon, type IconName } from "../ui/Icon";
import styles from "./Cell.module.css";

export interface CellProps {
  value: JsonValue;
  type: TableColumn["type"];
  isTall?: boolean;
  onEnlarge?: (item: ShownMedia) => void;
}

const CHARS_SHOWN = 400;
const NON_FINITE: ReadonlySet<JsonValue> = new Set(["NaN", "Infinity", "-Infinity"]);

/** A value in its place of the grid. null, NaN and an empty text look different from one another. */
export function Cell({ value, type, isTall = false, onEnlarge }: CellProps) {
  if (value === null) return <span className={styles.null}>null</span>;
  if (typeof value === "number") return <span title={String(value)}>{formatExact(value)}</span>;
  if (typeof value === "boolean") return <Truth value={value} />;
  if (type === "number" && NON_FINITE.has(value)) {
    return <span className={styles.nonFinite}>{String(value)}</span>;
  }
  if (typeof value === "string") {
    if (value === "") return <span className={styles.null}>empty text</span>;
    if (type === "datetime") return <time dateTime={value}>{formatTime(value)}</time>;
    return <Text text={value} isTall={isTall} />;
  }
  const media = readCellMedia(value);
  if (media !== null) return <MediaCell item={media} {...(onEnlarge ? { onEnlarge } : {})} />;
  return <Text text={JSON.stringify(value)} isTall={isTall} isCode />;
}

function Truth({ value }: { value: boolean }) {
  return (
    <span className={styles.truth} data-value={value}>
      <Icon name={value ? "check" : "x"} size={12} />
      {String(value)}
    </span>
  );
}

/** "2026-11-21 12:00:00.5" of "2026-11-21T12:00:00.500000Z". */
function formatTime(text: string): string {
  return text
    .replace("T", " ")
    .replace(/(\.\d*?)0+Z?$/, "$1")
    .replace(/[.Z]+$/, "");
}

interface TextProps {
  text: string;
  isTall: boolean;
  isCode?: boolean;
}

function Text({ text, isTall, isCode = false }: TextProps) {
  const shown = text.length > CHARS_SHOWN ? `${text.slice(0, CHARS_SHOWN)}…` : text;
  const className = isTall ? styles.lines : styles.line;
  return isCode ? (
    <code className={className}>{shown}</code>
  ) : (
    <span className={className}>{isTall ? shown : shown.replace(/\s+/g, " ")}</span>
  );
}

const ICONS: Partial<Record<ShownMedia["kind"], IconName>> = {
  audio: "play",
  video: "play",
  plotly: "chart",
  histogram: "chart",
  html: "file",
};

function MediaCell({
  item,
  onEnlarge,
}: {
  item: ShownMedia;
  onEnlarge?: (item: ShownMedia) => void;
}) {
  if (item.kind !== "image") {
    return (
      <span className={styles.file}>
        <Icon name={ICONS[item.kind] ?? "file"} size={14} />
        <span className={styles.line}>{labelOfItem(item)}</span>
      </span>
    );
  }
  return (
    <button
      type="button"
      className={styles.picture}
      aria-label={`Enlarge ${labelOfItem(item)}`}
      onClick={() => onEnlarge?.(item)}
    >
      <Picture item={item} overlays={NO_OVERLAYS} />
    </button>
  );
}

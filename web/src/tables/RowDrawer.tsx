import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { ColumnHead, JsonValue } from "../api/types";
import { readCellMedia, type ShownMedia } from "../media/items";
import { MediaView } from "../media/MediaView";
import { labelOfItem, Picture } from "../media/Picture";
import { Button, IconButton } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { ErrorCard } from "../ui/ErrorCard";
import { looksLikeMarkdown, Markdown } from "../ui/Markdown";
import { SkeletonRows } from "../ui/Skeleton";
import { Cell } from "./Cell";
import { CELL_CHARS, type RowsQuery, useRow } from "./queries";
import styles from "./RowDrawer.module.css";
import { typeOf } from "./tableView";

interface RowDrawerProps {
  query: RowsQuery;
  /** Place in the order of the query. */
  place: number;
  total: number;
  onGo: (place: number) => void;
  onClose: () => void;
  onEnlarge: (item: ShownMedia) => void;
}

const CHARS_ALL = 10_000_000;
const LONG_CHARS = 60;
const MEDIA_PX = { width: 360, height: 240 };

/** All cells of one row in full. Up and down, or k and j, go to its neighbours; Escape closes. */
export function RowDrawer({ query, place, total, onGo, onClose, onEnlarge }: RowDrawerProps) {
  const [cellChars, setCellChars] = useState(CELL_CHARS);
  const row = useRow(query, place, cellChars);
  const drawer = useRef<HTMLElement>(null);
  useEffect(() => drawer.current?.focus(), []);
  const go = (step: number) => {
    const next = place + step;
    if (next >= 0 && next < total) onGo(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (
      event.target instanceof HTMLElement &&
      /^(INPUT|SELECT|TEXTAREA|AUDIO|VIDEO)$/.test(event.target.tagName)
    )
      return;
    const step = { ArrowUp: -1, k: -1, ArrowDown: 1, j: 1 }[event.key];
    if (event.key === "Escape") onClose();
    else if (step !== undefined) go(step);
    else return;
    event.preventDefault();
  };
  const cells = row.data?.rows[0];
  const id = row.data?.row_ids[0];
  return (
    <aside
      ref={drawer}
      className={styles.drawer}
      aria-label="Row in full"
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <header className={styles.header}>
        <h2>{id === undefined ? "Row" : `Row ${id.toLocaleString("en-US")}`}</h2>
        <span className={styles.place}>
          {(place + 1).toLocaleString("en-US")} of {total.toLocaleString("en-US")}
        </span>
        <IconButton
          icon="chevronUp"
          label="Previous row"
          disabled={place === 0}
          onClick={() => go(-1)}
        />
        <IconButton
          icon="chevronDown"
          label="Next row"
          disabled={place >= total - 1}
          onClick={() => go(1)}
        />
        <IconButton icon="x" label="Close the row" onClick={onClose} />
      </header>
      {row.isPending && <SkeletonRows count={8} label="Loading the row" />}
      {row.isError && (
        <ErrorCard error={row.error} title="The row could not be read" onRetry={row.refetch} />
      )}
      {row.isSuccess && cells === undefined && (
        <p className={styles.gone}>There is no such row any more.</p>
      )}
      {cells !== undefined && (
        <dl className={styles.fields} aria-busy={row.isPlaceholderData || undefined}>
          {row.data?.columns.map((column, index) => (
            <Field
              key={column.name}
              column={column}
              value={cells[index] ?? null}
              charsMissing={
                row.data.cut.find((cut) => cut.row === 0 && cut.column === index)?.chars ?? null
              }
              onAll={() => setCellChars(CHARS_ALL)}
              onEnlarge={onEnlarge}
            />
          ))}
        </dl>
      )}
    </aside>
  );
}

interface FieldProps {
  column: ColumnHead;
  value: JsonValue;
  /** The whole length where only the beginning is here. */
  charsMissing: number | null;
  onAll: () => void;
  onEnlarge: (item: ShownMedia) => void;
}

function Field({ column, value, charsMissing, onAll, onEnlarge }: FieldProps) {
  return (
    <div className={styles.field}>
      <dt>
        <span>{column.name}</span>
        <span className={styles.type}>{typeOf(column)}</span>
      </dt>
      <dd>
        <Value column={column} value={value} onEnlarge={onEnlarge} />
        {charsMissing !== null && (
          <p className={styles.cut}>
            This is the beginning of {charsMissing.toLocaleString("en-US")} characters.{" "}
            <Button look="ghost" onClick={onAll}>
              Load all of it
            </Button>
          </p>
        )}
      </dd>
    </div>
  );
}

function Value({ column, value, onEnlarge }: Pick<FieldProps, "column" | "value" | "onEnlarge">) {
  if (typeof value === "string" && value.length > LONG_CHARS && column.type === "string") {
    return <LongText text={value} />;
  }
  if (typeof value !== "object" || value === null) {
    return <Cell value={value} type={column.type} isTall />;
  }
  const media = readCellMedia(value);
  if (media === null) {
    return <pre className={styles.json}>{JSON.stringify(value, null, 2)}</pre>;
  }
  if (media.kind !== "image") return <MediaView item={media} {...MEDIA_PX} />;
  return (
    <button
      type="button"
      className={styles.picture}
      aria-label={`Enlarge ${labelOfItem(media)}`}
      onClick={() => onEnlarge(media)}
    >
      <Picture item={media} overlays={{ boxes: true, masks: true }} />
    </button>
  );
}

function LongText({ text }: { text: string }) {
  const canFormat = looksLikeMarkdown(text);
  const [isFormatted, setFormatted] = useState(true);
  return (
    <div className={styles.long}>
      <div className={styles.tools}>
        {canFormat && (
          <Button look="ghost" onClick={() => setFormatted(!isFormatted)}>
            {isFormatted ? "Show as plain text" : "Show as Markdown"}
          </Button>
        )}
        <CopyButton text={text} label="Copy the text" />
      </div>
      {canFormat && isFormatted ? (
        <Markdown source={text} />
      ) : (
        <p className={styles.text}>{text}</p>
      )}
    </div>
  );
}

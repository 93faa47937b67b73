import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { request } from "../../api/client";
import type { ColumnHead, JsonValue, TableRows } from "../../api/types";
import { Button } from "../Button";
import { ErrorCard } from "../ErrorCard";
import { formatExact } from "../format";
import { SkeletonRows } from "../Skeleton";
import styles from "./FilePreview.module.css";
import { localUrl } from "./fileContent";
import type { LoadableFile } from "./MediaPreview";
import { Message } from "./Message";
import cells from "./TablePreview.module.css";
import { TextPreview } from "./TextPreview";

// The whole table with its filters; the head of a large file does without it.
const FileTable = lazy(() => import("../../tables/FileTable"));

const ROWS = 100;
/** Above it only the first rows are read until somebody asks for all of them. */
const WHOLE_TABLE_BYTES_MAX = 32 * 1024 * 1024;
const COLUMNS_SHOWN_MAX = 100;
const TEXT_SHOWN_MAX = 300;
/** Formats that are text underneath; Parquet is not. */
const IS_TEXT = /\.(csv|tsv|jsonl|ndjson|json)$/i;

/** A table that can be filtered; of a large file the first rows. Files of text also as they are. */
export default function TablePreview({ file }: { file: LoadableFile }) {
  const isLarge = file.size_bytes > WHOLE_TABLE_BYTES_MAX;
  const [view, setView] = useState<"head" | "table" | "source">(isLarge ? "head" : "table");
  const canBeText = IS_TEXT.test(file.name);
  return (
    <>
      <div className={styles.notice} data-quiet>
        <span>{view === "head" && "The first rows of a large file."}</span>
        {view === "head" && (
          <Button look="ghost" onClick={() => setView("table")}>
            Read all of it
          </Button>
        )}
        {canBeText && (
          <Button look="ghost" onClick={() => setView(view === "source" ? "table" : "source")}>
            {view === "source" ? "Show as table" : "Show as text"}
          </Button>
        )}
      </div>
      {view === "source" && <TextPreview file={file} />}
      {view === "head" && <Head file={file} />}
      {view === "table" && (
        <Suspense fallback={<Loading />}>
          <FileTable tableRef={file.tableRef ?? ""} />
        </Suspense>
      )}
    </>
  );
}

function Loading() {
  return (
    <div className={styles.loading}>
      <SkeletonRows count={12} rowHeight={24} label="Loading the first rows" />
    </div>
  );
}

function Head({ file }: { file: LoadableFile }) {
  const ref = file.tableRef ?? "";
  const head = useQuery({
    queryKey: ["table-head", ref, file.revision],
    queryFn: ({ signal }) =>
      request<TableRows>("/api/v1/previews/table", { query: { ref, limit: ROWS }, signal }),
    staleTime: 60_000,
  });
  if (head.isPending) return <Loading />;
  if (head.isError) {
    return (
      <ErrorCard error={head.error} title="The table could not be read" onRetry={head.refetch} />
    );
  }
  if (head.data.columns.length === 0) return <Message text="This table has no columns." />;
  return (
    <>
      <p className={cells.rest}>{describe(head.data)}</p>
      <Rows label={`First rows of ${file.name}`} head={head.data} />
    </>
  );
}

function describe({ rows, columns, total }: TableRows): string {
  const shape = `${columns.length.toLocaleString("en-US")} columns`;
  if (rows.length >= total) return `${total.toLocaleString("en-US")} rows, ${shape}`;
  return `The first ${rows.length.toLocaleString("en-US")} rows, ${shape}`;
}

function Rows({ label, head }: { label: string; head: TableRows }) {
  const columns = head.columns.slice(0, COLUMNS_SHOWN_MAX);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard
    // biome-ignore lint/a11y/useSemanticElements: the region is for scrolling; the table is inside
    <div className={cells.scroller} role="region" aria-label={label} tabIndex={0}>
      <table className={cells.table}>
        <thead>
          <tr>
            <th scope="col" className={cells.id}>
              #
            </th>
            {columns.map((column, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: names of columns may be equal
              <th key={index} scope="col" className={alignOf(column)}>
                {column.name}
                <span className={cells.type}>{column.media_type ?? column.type}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {head.rows.map((row, at) => (
            <tr key={head.row_ids[at] ?? at}>
              <td className={cells.id}>{(head.row_ids[at] ?? at).toLocaleString("en-US")}</td>
              {columns.map((column, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells have no identity but their place
                <td key={index} className={alignOf(column)}>
                  <Cell value={row[index] ?? null} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {head.columns.length > columns.length && (
        <p className={cells.rest}>
          {(head.columns.length - columns.length).toLocaleString("en-US")} more columns are not
          shown.
        </p>
      )}
    </div>
  );
}

function alignOf(column: ColumnHead): string | undefined {
  return column.type === "number" ? cells.number : undefined;
}

function Cell({ value }: { value: JsonValue }) {
  if (value === null) return <span className={cells.null}>null</span>;
  if (typeof value === "number") return <span title={String(value)}>{formatExact(value)}</span>;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return <Text text={value} />;
  const media = readMedia(value);
  if (media === null) return <Text text={JSON.stringify(value)} />;
  if (media.thumbnail !== null) {
    return <img src={localUrl(media.thumbnail)} alt={media.path} loading="lazy" />;
  }
  return media.url === null ? (
    <Text text={media.path} />
  ) : (
    <a href={localUrl(media.url)} download>
      {media.path}
    </a>
  );
}

function Text({ text }: { text: string }) {
  const shown = text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text;
  return <span title={text.slice(0, 2_000)}>{shown}</span>;
}

/** A cell that stands for a file, with the addresses that the server put beside its path. */
function readMedia(value: JsonValue) {
  if (typeof value !== "object" || value === null || !("path" in value)) return null;
  const { path, url, thumbnail_url: thumbnail } = value;
  if (typeof path !== "string") return null;
  return {
    path,
    url: typeof url === "string" ? url : null,
    thumbnail: typeof thumbnail === "string" ? thumbnail : null,
  };
}

/** Rows as CSV (RFC 4180), as far as a browser should carry them. */

import type { JsonValue, TableRows } from "../api/types";
import { type RowsQuery, readRows } from "./queries";

/** More rows are for the file itself or for a saved version. */
export const CSV_ROWS_MAX = 50_000;
const ROWS_AT_ONCE = 500;
const CELLS_AT_ONCE = 50_000;

export function toCsvLine(values: readonly JsonValue[]): string {
  return `${values.map((value) => quote(toText(value))).join(",")}\r\n`;
}

/** null is nothing; media are the path of their file. */
function toText(value: JsonValue): string {
  if (value === null) return "";
  if (typeof value !== "object") return String(value);
  if (
    !Array.isArray(value) &&
    "_type" in value &&
    "path" in value &&
    typeof value.path === "string"
  ) {
    return value.path;
  }
  return JSON.stringify(value);
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Reads the rows of the query page by page and gives them as one file. */
export async function makeCsv(
  query: RowsQuery,
  {
    total,
    signal,
    onRows,
  }: { total: number; signal: AbortSignal; onRows: (count: number) => void },
): Promise<Blob> {
  const parts: string[] = [];
  const count = Math.min(total, CSV_ROWS_MAX);
  const width = query.columns?.length ?? 1;
  const step = Math.max(1, Math.min(ROWS_AT_ONCE, Math.floor(CELLS_AT_ONCE / Math.max(1, width))));
  for (let offset = 0; offset < count; ) {
    const page: TableRows = await readRows(query, offset, Math.min(step, count - offset), signal);
    if (offset === 0) parts.push(toCsvLine(page.columns.map((column) => column.name)));
    if (page.rows.length === 0) break;
    parts.push(page.rows.map(toCsvLine).join(""));
    offset += page.rows.length;
    onRows(offset);
  }
  return new Blob(parts, { type: "text/csv;charset=utf-8" });
}

export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has begun once the click is over; the address is needed no longer.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}

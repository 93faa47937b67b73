/** From what a person chose and what a table holds: the question to the server and the columns on screen. */

import type { ColumnHead, JsonValue, TableColumn, TableRows } from "../api/types";
import { toWhere } from "./filterGroups";
import { type Condition, conditionFor } from "./filterModel";
import type { RowsQuery } from "./queries";
import { type TableState, titleOf } from "./tableState";

/** Columns shown until a person asks for others: a page of many columns is a long answer. */
export const COLUMNS_SHOWN = 100;
const TEXT_PX = 280;
const TEXT_MIN_PX = 90;
const WIDTHS: Record<TableColumn["type"], number> = {
  number: 120,
  boolean: 96,
  datetime: 190,
  media: 150,
  json: 240,
  string: TEXT_PX,
};
const CHAR_PX = 7.5;
const HEADER_EXTRA_PX = 62;
const WIDTH_MAX = 420;

export function chooseColumns<C extends { name: string }>(
  columns: readonly C[],
  state: TableState,
): C[] {
  const [hidden, also] = [new Set(state.hide), new Set(state.also)];
  return columns.filter(
    ({ name }, index) => !hidden.has(name) && (index < COLUMNS_SHOWN || also.has(name)),
  );
}

export interface TableView {
  isGrouped: boolean;
  query: RowsQuery;
  /** In the order of the cells of a row. */
  columns: readonly ColumnHead[];
}

export function makeView(
  ref: string,
  columns: readonly TableColumn[],
  state: TableState,
): TableView {
  const known = new Map(columns.map((column) => [column.name, column]));
  const group = state.group.filter((name) => known.has(name));
  const where = toWhere({ match: state.match, clauses: state.where });
  const base = { ref, where, search: state.q === "" ? null : state.q };
  if (group.length > 0) {
    const aggregates = state.agg.filter(({ column }) => known.has(column));
    const heads = [
      ...group.flatMap((name) => known.get(name) ?? []),
      { name: "count", type: "number" as const },
      ...aggregates.map((each) => headOf(titleOf(each), each.fn, known.get(each.column))),
    ];
    const query = { ...base, sort: [...state.sort], group_by: group, aggregates };
    return { isGrouped: true, query, columns: heads };
  }
  const shown = chooseColumns(columns, state);
  const query = { ...base, sort: [...state.sort], columns: shown.map((column) => column.name) };
  return { isGrouped: false, query, columns: shown };
}

function headOf(name: string, fn: string, column: TableColumn | undefined): ColumnHead {
  const keepsType = fn === "min" || fn === "max" || fn === "first";
  return { name, type: keepsType && column !== undefined ? column.type : "number" };
}

/** What the rows of a group have in common; null when a value cannot be asked for. */
export function conditionsOfGroup(
  page: TableRows,
  index: number,
  columns: readonly ColumnHead[],
  group: readonly string[],
): Condition[] | null {
  const row = page.rows[index];
  if (row === undefined) return null;
  const conditions = group.map((name, place) => {
    const column = columns[place];
    const isCut = page.cut.some((cut) => cut.row === index && cut.column === place);
    const value: JsonValue | undefined = row[place];
    if (column === undefined || value === undefined || isCut) return null;
    return conditionFor(name, column.type, value);
  });
  return conditions.every((condition) => condition !== null) ? conditions : null;
}

/** As wide as the name and, as far as it is known, what the column holds. */
export function widthOf({ name, type }: ColumnHead, about?: TableColumn): number {
  const ofName = Math.min(WIDTH_MAX, name.length * CHAR_PX + HEADER_EXTRA_PX);
  const ends = [about?.min, about?.max].filter((text) => typeof text === "string");
  const ofText =
    type === "string" && ends.length === 2
      ? Math.min(TEXT_PX, Math.max(...ends.map((text) => text.length)) * CHAR_PX + TEXT_MIN_PX)
      : WIDTHS[type];
  return Math.round(Math.max(ofText, ofName));
}

/** "number", "image": what stands below the name of a column. */
export function typeOf({ type, media_type: media }: ColumnHead): string {
  if (type !== "media" || media == null) return type === "string" ? "text" : type;
  return media.replace(/-file$/, "");
}

/** What a person chose to see of a table. It fits into the address of a page. */

import type { Aggregate, TableSort } from "../api/types";
import {
  countParam,
  namesParam,
  type Param,
  type Schema,
  switchParam,
  textParam,
} from "../core/urlState";
import { type Condition, isOperator } from "./filterModel";

export interface TableState {
  /** Text in any cell. */
  q: string;
  where: readonly Condition[];
  sort: readonly TableSort[];
  group: readonly string[];
  agg: readonly Aggregate[];
  /** Columns of the groups that the rows on screen were opened from. */
  from: readonly string[];
  /** Columns that are not shown. */
  hide: readonly string[];
  /** Columns beyond the first ones that are shown. */
  also: readonly string[];
  /** Columns whose values are shown beside the rows. */
  facet: readonly string[];
  /** Place of the opened row in the order on screen, from 1; 0 = none. */
  row: number;
  tall: boolean;
}

const CONDITIONS_MAX = 60;
const SORTS_MAX = 8;
const AGGREGATES_MAX = 24;
const NAMES_MAX = 200;
const ROWS_MAX = 2 ** 40;

export const FUNCTIONS = [
  "mean",
  "median",
  "min",
  "max",
  "sum",
  "std",
  "distinct",
  "nulls",
  "count",
  "first",
] as const satisfies readonly Aggregate["fn"][];

export const tableParams: Schema<TableState> = {
  q: textParam(1000),
  where: listParam(readCondition, writeCondition, CONDITIONS_MAX),
  sort: listParam(readSort, writeSort, SORTS_MAX),
  group: namesParam(SORTS_MAX),
  agg: listParam(readAggregate, writeAggregate, AGGREGATES_MAX),
  from: namesParam(SORTS_MAX),
  hide: namesParam(NAMES_MAX),
  also: namesParam(NAMES_MAX),
  facet: namesParam(SORTS_MAX),
  row: countParam(0, ROWS_MAX),
  tall: switchParam(false),
};

export const INITIAL_STATE: TableState = {
  q: "",
  where: [],
  sort: [],
  group: [],
  agg: [],
  from: [],
  hide: [],
  also: [],
  facet: [],
  row: 0,
  tall: false,
};

/** One parameter for each item; one that cannot be read makes the whole list unusable. */
function listParam<T>(
  read: (text: string) => T | undefined,
  write: (item: T) => string,
  countMax: number,
): Param<readonly T[]> {
  return {
    initial: [],
    read: (texts) => {
      const items = texts.map(read);
      return texts.length <= countMax && items.every((item) => item !== undefined)
        ? (items as T[])
        : undefined;
    },
    write: (items) => items.map(write),
  };
}

function readCondition(text: string): Condition | undefined {
  try {
    const [column, op, value = null]: unknown[] = JSON.parse(text);
    if (typeof column !== "string" || typeof op !== "string" || !isOperator(op)) return undefined;
    return { column, op, value: value as Condition["value"] };
  } catch {
    return undefined;
  }
}

function writeCondition({ column, op, value }: Condition): string {
  return JSON.stringify(value === null ? [column, op] : [column, op, value]);
}

function readSort(text: string): TableSort | undefined {
  const sign = text[0];
  return sign === "+" || sign === "-" ? { column: text.slice(1), desc: sign === "-" } : undefined;
}

function writeSort({ column, desc = false }: TableSort): string {
  return (desc ? "-" : "+") + column;
}

function readAggregate(text: string): Aggregate | undefined {
  const fn = FUNCTIONS.find((name) => text.startsWith(`${name}:`));
  return fn === undefined ? undefined : { fn, column: text.slice(fn.length + 1) };
}

function writeAggregate({ fn, column }: Aggregate): string {
  return `${fn}:${column}`;
}

/** The column as the server calls the aggregate. */
export function titleOf({ fn, column }: Aggregate): string {
  return `${fn}(${column})`;
}

/** Sorts by the column alone: up, then down, then not at all. With `isMore` the other columns stay. */
export function toggleSort(
  sorts: readonly TableSort[],
  column: string,
  isMore: boolean,
): TableSort[] {
  const own = sorts.find((sort) => sort.column === column);
  const next =
    own === undefined ? [{ column, desc: false }] : own.desc ? [] : [{ column, desc: true }];
  if (!isMore) return next;
  if (own === undefined) return [...sorts, ...next];
  return sorts.flatMap((sort) => (sort.column === column ? next : [sort]));
}

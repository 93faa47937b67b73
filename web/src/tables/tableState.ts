/** What a person chose to see of a table. It fits into the address of a page. */

import type { Aggregate, TableSort } from "../api/types";
import {
  choiceParam,
  countParam,
  namesParam,
  type Param,
  type Schema,
  switchParam,
  textParam,
} from "../core/urlState";
import { type Clause, isGroup, type Match } from "./filterGroups";
import { type Condition, isOperator } from "./filterModel";

export interface TableState {
  /** Text in any cell. */
  q: string;
  where: readonly Clause[];
  /** Whether a row passes all of `where`, or any. */
  match: Match;
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
  where: listParam(readClause, writeClause, CONDITIONS_MAX),
  match: choiceParam<Match>(["all", "any"]),
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
  match: "all",
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

/** `["score","<",0.5]`, or `{"any":[…]}` and `{"all":[…]}` of such conditions. */
function readClause(text: string): Clause | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return toCondition(value);
    if (typeof value !== "object" || value === null) return undefined;
    const [entry, ...others] = Object.entries(value);
    const [match, parts] = entry ?? [];
    if ((match !== "any" && match !== "all") || !Array.isArray(parts)) return undefined;
    const conditions = parts.map(toCondition);
    const isWhole = conditions.every((each) => each !== undefined);
    const isSane = others.length === 0 && parts.length > 0 && parts.length <= CONDITIONS_MAX;
    return isWhole && isSane ? { match, conditions: conditions as Condition[] } : undefined;
  } catch {
    return undefined;
  }
}

function toCondition(parts: unknown): Condition | undefined {
  if (!Array.isArray(parts)) return undefined;
  const [column, op, value = null]: unknown[] = parts;
  if (typeof column !== "string" || typeof op !== "string" || !isOperator(op)) return undefined;
  return { column, op, value: value as Condition["value"] };
}

function writeClause(clause: Clause): string {
  if (!isGroup(clause)) return JSON.stringify(fromCondition(clause));
  return JSON.stringify({ [clause.match]: clause.conditions.map(fromCondition) });
}

function fromCondition({ column, op, value }: Condition): unknown[] {
  return value === null ? [column, op] : [column, op, value];
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

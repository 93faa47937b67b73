import { keepPreviousData, useMutation, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { request } from "../api/client";
import type {
  FacetQuery,
  JoinedTable,
  JoinQuery,
  SavedVersion,
  TableFacet,
  TableQuery,
  TableRows,
  TableSave,
  TableSchema,
} from "../api/types";

/** Rows of a window; it divides the pages' limit of the server. */
export const PAGE_ROWS = 100;
/** Characters of a cell in the grid. Few are seen, but a document that is cut cannot be read. */
const GRID_CELL_CHARS = 4_000;
/** A table of a finished version never changes; one of a run seldom does. */
const STALE_MS = 60_000;

const post = <T>(path: string, body: unknown, signal?: AbortSignal) =>
  request<T>(path, { method: "POST", body, ...(signal === undefined ? {} : { signal }) });

export function useSchema(ref: string) {
  return useQuery({
    queryKey: ["table", ref, "schema"],
    queryFn: ({ signal }) =>
      request<TableSchema>("/api/v1/tables/schema", { query: { ref }, signal }),
    staleTime: STALE_MS,
  });
}

/** A question without its page. */
export type RowsQuery = Omit<TableQuery, "offset" | "limit" | "cell_chars">;

export interface Pages<T> {
  /** The page that a row is on, once it is here. */
  pageOf: (row: number) => T | undefined;
  /** Any page: what is the same on all. */
  any: T | undefined;
  error: unknown;
  isFetching: boolean;
  refetch: () => void;
}

function pagesFor(first: number, last: number): number[] {
  const from = Math.floor(first / PAGE_ROWS);
  const to = Math.max(from, Math.floor(last / PAGE_ROWS));
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function usePages<T>(
  key: readonly unknown[],
  path: string,
  query: object,
  { first, last }: { first: number; last: number },
): Pages<T> {
  const pages = pagesFor(first, last);
  const results = useQueries({
    queries: pages.map((page) => ({
      queryKey: [...key, query, page],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        post<T>(
          path,
          { ...query, offset: page * PAGE_ROWS, limit: PAGE_ROWS, cell_chars: GRID_CELL_CHARS },
          signal,
        ),
      staleTime: STALE_MS,
    })),
  });
  const found = new Map(pages.map((page, i) => [page, results[i]?.data]));
  return {
    pageOf: (row) => found.get(Math.floor(row / PAGE_ROWS)),
    any: results.find((result) => result.data !== undefined)?.data,
    error: results.find((result) => result.isError)?.error ?? null,
    isFetching: results.some((result) => result.isFetching),
    refetch: () => {
      for (const result of results) if (result.isError) void result.refetch();
    },
  };
}

/** The pages around the rows on screen; only they are asked for. */
export function useRows(
  query: RowsQuery,
  range: { first: number; last: number },
): Pages<TableRows> {
  return usePages<TableRows>(["table", query.ref, "rows"], "/api/v1/tables:query", query, range);
}

export type JoinQuestion = Omit<JoinQuery, "offset" | "limit" | "cell_chars">;

export function useJoin(
  query: JoinQuestion,
  range: { first: number; last: number },
): Pages<JoinedTable> {
  return usePages<JoinedTable>(["table-join"], "/api/v1/tables:join", query, range);
}

export const CELL_CHARS = 100_000;

/** One row with its long texts, by its place in the order of the query. */
export function useRow(query: RowsQuery, place: number, cellChars: number) {
  const body: TableQuery = { ...query, offset: place, limit: 1, cell_chars: cellChars };
  return useQuery({
    queryKey: ["table", query.ref, "row", body],
    queryFn: ({ signal }) => post<TableRows>("/api/v1/tables:query", body, signal),
    placeholderData: keepPreviousData,
    staleTime: STALE_MS,
  });
}

export function useFacet(query: FacetQuery) {
  return useQuery({
    queryKey: ["table", query.ref, "facet", query],
    queryFn: ({ signal }) => post<TableFacet>("/api/v1/tables:facet", query, signal),
    placeholderData: keepPreviousData,
    staleTime: STALE_MS,
  });
}

export function useSaveTable() {
  return useMutation({
    mutationFn: (body: TableSave) => post<SavedVersion>("/api/v1/tables:save", body),
  });
}

/** The same object while its content is the same: queries and rows hang on it. */
export function useStable<T>(value: T): T {
  const text = JSON.stringify(value);
  return useMemo(() => JSON.parse(text) as T, [text]);
}

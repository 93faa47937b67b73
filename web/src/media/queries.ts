import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { pathOf, request } from "../api/client";
import type { MediaAt, Page, PageOfMediaKey, RunRow, TableRows } from "../api/types";
import { type CustomChart, readCustomCharts } from "./customCharts";

export interface ProjectRef {
  entity: string;
  project: string;
}

const KEYS_PAGE = 100;
/** Signed addresses hold for a day. */
const STALE_MS = 30 * 60_000;
const CHART_ROWS = 500;
const CHART_ROWS_MAX = 5_000;

const api = ({ entity, project }: ProjectRef) => `/api/v1${pathOf(entity, project)}`;

/** Keys that hold media, with the steps at which there are some. */
export function useMediaKeys(place: ProjectRef, runs: readonly string[], revision: number) {
  return useInfiniteQuery({
    queryKey: ["media", place.entity, place.project, "keys", runs, revision],
    queryFn: ({ pageParam, signal }) =>
      request<PageOfMediaKey>(`${api(place)}/media:query`, {
        method: "POST",
        body: { runs, limit: KEYS_PAGE, cursor: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: runs.length > 0,
  });
}

interface AtQuery {
  runs: readonly string[];
  key: string;
  step: number;
  /** Changes when more was logged at a step that is already on screen. */
  revision: number;
  /** Of the runs that have something, the ones asked for. */
  offset: number;
  limit: number;
}

/** What each run has at the step, or at its nearest earlier one. */
export function useMediaAt(place: ProjectRef, query: AtQuery) {
  const { runs, key, step, revision, offset, limit } = query;
  return useQuery({
    queryKey: ["media", place.entity, place.project, "at", key, step, runs, revision, offset],
    queryFn: ({ signal }) =>
      request<MediaAt>(`${api(place)}/media:at`, {
        method: "POST",
        body: { runs, key, step, offset, limit },
        signal,
      }),
    placeholderData: keepPreviousData,
    staleTime: STALE_MS,
  });
}

const VISUALIZE = "config._wandb.visualize";

/** The charts that scripts made of tables, of the newest run that has each. */
export function useCustomCharts(place: ProjectRef, runs: readonly string[], isEnabled: boolean) {
  return useQuery({
    queryKey: ["media", place.entity, place.project, "charts", runs],
    queryFn: async ({ signal }) => {
      const page = await request<Page<RunRow>>(`${api(place)}/runs:query`, {
        method: "POST",
        body: { filter: { name: { $in: runs } }, columns: [VISUALIZE], limit: runs.length },
        signal,
      });
      const charts = new Map<string, CustomChart>();
      for (const { columns } of page.items) {
        for (const chart of readCustomCharts(columns[VISUALIZE])) {
          if (!charts.has(chart.tableKey)) charts.set(chart.tableKey, chart);
        }
      }
      return charts;
    },
    enabled: isEnabled && runs.length > 0,
    staleTime: STALE_MS,
    placeholderData: keepPreviousData,
  });
}

/** The rows of a chart's table; more than can be drawn are left. */
export function useChartRows(ref: string) {
  return useQuery({
    queryKey: ["table", ref, "chart"],
    queryFn: ({ signal }) => readChartRows(ref, signal),
    staleTime: STALE_MS,
  });
}

async function readChartRows(ref: string, signal: AbortSignal): Promise<TableRows> {
  const read = (offset: number) =>
    request<TableRows>("/api/v1/tables:query", {
      method: "POST",
      body: { ref, offset, limit: CHART_ROWS },
      signal,
    });
  const first = await read(0);
  const rows = [...first.rows];
  while (rows.length < Math.min(first.total, CHART_ROWS_MAX)) {
    const page = await read(rows.length);
    if (page.rows.length === 0) break;
    rows.push(...page.rows);
  }
  return { ...first, rows };
}

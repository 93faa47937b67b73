/** What a board asks the server: the catalogue of keys, and the series of the panels on screen. */

import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { pathOf, request, requestResponse } from "~/api/client";
import type { MetricKey, Page } from "~/api/types";
import type { RequestSeries, SeriesStream } from "~/core/seriesLoader";

/** Keys read at once. The server lists them by name; a board shows those that most runs have first. */
export const KEYS_PAGE = 500;
/** Longest list of run names put into a URL; above it the keys of the whole project are listed. */
const RUN_NAMES_LENGTH_MAX = 1_500;

export interface KeysQuery {
  entity: string;
  project: string;
  stream: SeriesStream;
  search: string;
  /** Names of the runs whose keys are wanted. */
  runs: readonly string[];
}

export function useMetricKeys({ entity, project, stream, search, runs }: KeysQuery) {
  const asked = useAskedRuns(runs);
  const isShort = asked.join("").length <= RUN_NAMES_LENGTH_MAX;
  const names = isShort ? asked : [];
  return useInfiniteQuery({
    queryKey: ["keys", entity, project, stream, search, names],
    queryFn: ({ pageParam, signal }) =>
      request<Page<MetricKey>>(pathOf("api", "v1", entity, project, "keys"), {
        query: {
          stream,
          search: toSearch(search),
          run: names,
          limit: KEYS_PAGE,
          cursor: pageParam,
        },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: runs.length > 0,
  });
}

/**
 * Runs whose keys are asked for: those shown, and those hidden since.
 *
 * Hiding a run thus asks nothing and moves no panel, until less than half of the runs asked for is left.
 */
function useAskedRuns(runs: readonly string[]): readonly string[] {
  const [asked, setAsked] = useState<readonly string[]>(() => [...runs].sort());
  const known = new Set(asked);
  const isCovered = runs.every((run) => known.has(run)) && runs.length * 2 >= asked.length;
  if (!isCovered) setAsked([...runs].sort());
  return asked;
}

/** `loss|acc` and `^train` are meant as expressions even without the slashes: no sane key holds these signs. */
export function toSearch(text: string): string {
  return /[|^$*]/.test(text) && !/^\/.*\/i?$/.test(text) ? `/${text}/i` : text;
}

export function makeSeriesRequest(entity: string, project: string): RequestSeries {
  const path = `${pathOf("api", "v1", entity, project)}/series:query`;
  return async (query, signal) => {
    const response = await requestResponse(path, { method: "POST", body: query, signal });
    if (response.body === null) throw new Error("The server sent no chart data.");
    return response.body;
  };
}

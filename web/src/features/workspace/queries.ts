import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { pathOf, request } from "~/api/client";
import type { Page, RunRow, RunsQuery } from "~/api/types";
import { SORTS, type SortName } from "./workspaceParams";

export const RUNS_PAGE = 100;

interface RunListQuery {
  entity: string;
  project: string;
  search: string;
  sort: SortName;
}

/** Runs of the project in pages, for a list that reads on as it is scrolled. */
export function useRunList({ entity, project, search, sort }: RunListQuery) {
  const { key, dir } = SORTS.find((choice) => choice.value === sort) ?? SORTS[0];
  return useInfiniteQuery({
    queryKey: ["runs", entity, project, "list", search, sort],
    queryFn: ({ pageParam, signal }) => {
      const body: RunsQuery = { sort: [{ key, dir }], limit: RUNS_PAGE };
      if (search !== "") body.search = search;
      if (pageParam !== null) body.cursor = pageParam;
      const path = `${pathOf("api", "v1", entity, project)}/runs:query`;
      return request<Page<RunRow>>(path, { method: "POST", body, signal });
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

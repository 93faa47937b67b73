import {
  type QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { pathOf, request } from "../../api/client";
import type {
  LogHits,
  LogPage,
  Page,
  RunArtifacts,
  RunDetail,
  RunEdit,
  RunFile,
} from "../../api/types";
import type { RunRef } from "../../ui/paths";

/** Lines per request; a multiple keeps page boundaries stable while the log grows. */
export const LOG_PAGE_LINES = 500;
const FILE_PAGE_ROWS = 200;
const HITS_MAX = 10_000;

export function apiPath({ entity, project, run }: RunRef): string {
  return `/api/v1${pathOf(entity, project, "runs", run)}`;
}

/** First the kind, then the run: "everything of this run" can be renewed at once. */
export const runKeys = {
  all: (ref: RunRef) => ["run", ref.entity, ref.project, ref.run] as const,
  detail: (ref: RunRef) => [...runKeys.all(ref), "detail"] as const,
  logs: (ref: RunRef) => [...runKeys.all(ref), "logs"] as const,
  logPage: (ref: RunRef, page: number) => [...runKeys.logs(ref), page] as const,
  hits: (ref: RunRef, pattern: string) => [...runKeys.all(ref), "hits", pattern] as const,
  files: (ref: RunRef) => [...runKeys.all(ref), "files"] as const,
  artifacts: (ref: RunRef) => [...runKeys.all(ref), "artifacts"] as const,
};

export function useRun(ref: RunRef) {
  return useQuery({
    queryKey: runKeys.detail(ref),
    queryFn: ({ signal }) => request<RunDetail>(apiPath(ref), { signal }),
  });
}

/** Shows the change at once; takes it back when the server refuses. */
export function usePatchRun(ref: RunRef) {
  const queryClient = useQueryClient();
  const key = runKeys.detail(ref);
  return useMutation({
    mutationFn: (patch: RunEdit) =>
      request<unknown>(apiPath(ref), { method: "PATCH", body: patch }),
    onMutate: async (patch) => {
      await queryClient.cancelQueries({ queryKey: key });
      const before = queryClient.getQueryData<RunDetail>(key);
      queryClient.setQueryData<RunDetail>(key, (run) => run && { ...run, ...patch });
      return { before };
    },
    onError: (_error, _patch, context) => queryClient.setQueryData(key, context?.before),
    onSettled: () => queryClient.invalidateQueries({ queryKey: key }),
  });
}

export function useStopRun(ref: RunRef) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => request<unknown>(`${apiPath(ref)}/stop`, { method: "POST" }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: runKeys.detail(ref) }),
  });
}

/** Reads nothing of the run any more from the moment on that its deletion is asked for. */
export function useDeleteRun(ref: RunRef) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationKey: deletionKey(ref),
    gcTime: 0,
    onMutate: () => queryClient.cancelQueries({ queryKey: runKeys.all(ref) }),
    mutationFn: () => request<unknown>(apiPath(ref), { method: "DELETE" }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({
        predicate: ({ queryKey }) => queryKey[0] !== "run" || queryKey[3] !== ref.run,
        refetchType: "none",
      });
    },
  });
}

/** Whether this page is deleting the run or has done so; what it would read is gone then. */
export function isDeletion(queryClient: QueryClient, ref: RunRef): boolean {
  const deletions = queryClient.getMutationCache().findAll({ mutationKey: deletionKey(ref) });
  return deletions.some(({ state }) => state.status === "pending" || state.status === "success");
}

function deletionKey(ref: RunRef) {
  return ["delete", ...runKeys.all(ref)];
}

/** One page of the log by its position. */
export function logPageQuery(ref: RunRef, page: number) {
  return {
    queryKey: runKeys.logPage(ref, page),
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      request<LogPage>(`${apiPath(ref)}/logs`, {
        query: { from_line: page * LOG_PAGE_LINES, limit: LOG_PAGE_LINES },
        signal,
      }),
    staleTime: Number.POSITIVE_INFINITY,
  };
}

export function useLogHits(ref: RunRef, pattern: string) {
  return useQuery({
    queryKey: runKeys.hits(ref, pattern),
    queryFn: ({ signal }) =>
      request<LogHits>(`${apiPath(ref)}/logs:search`, {
        query: { re: pattern, limit: HITS_MAX },
        signal,
      }),
    enabled: pattern !== "",
    staleTime: 60_000,
  });
}

export function useFiles(ref: RunRef) {
  return useInfiniteQuery({
    queryKey: runKeys.files(ref),
    queryFn: ({ pageParam, signal }) =>
      request<Page<RunFile>>(`${apiPath(ref)}/files`, {
        query: { cursor: pageParam, limit: FILE_PAGE_ROWS },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}

/** What the run read and what it made. */
export function useRunArtifacts(ref: RunRef) {
  return useQuery({
    queryKey: runKeys.artifacts(ref),
    queryFn: ({ signal }) => request<RunArtifacts>(`${apiPath(ref)}/artifacts`, { signal }),
  });
}

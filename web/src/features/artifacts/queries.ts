/** Everything the artifact pages read and write. */

import {
  keepPreviousData,
  type QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { pathOf, request } from "~/api/client";
import type {
  ArtifactEvent,
  ArtifactTypes,
  Bisection,
  Collection,
  CollectionDeleted,
  CollectionDependents,
  CollectionPatch,
  Dependents,
  FileItem,
  Lineage,
  Page,
  RunHead,
  TableDiff,
  TrashedVersion,
  TreeItem,
  Version,
  VersionDeleted,
  VersionDiff,
  VersionHead,
  VersionPatch,
} from "~/api/types";
import type { SortName } from "./artifactParams";

export const COLLECTIONS_PAGE = 50;
export const VERSIONS_PAGE = 50;
export const EVENTS_PAGE = 20;
const RUNS_PAGE = 20;
export const TREE_PAGE = 200;
const FOUND_PAGE = 500;
export const ROW_CHANGES_PAGE = 50;
export const LINEAGE_NODES_MAX = 300;

export interface ProjectPlace {
  entity: string;
  project: string;
}

/** A collection of a project. */
export interface CollectionPlace extends ProjectPlace {
  name: string;
}

/** A version by number or alias. */
export interface VersionPlace extends CollectionPlace {
  version: string;
}

function projectApi({ entity, project }: ProjectPlace): string {
  return pathOf("api", "v1", entity, project);
}

function collectionApi(place: CollectionPlace): string {
  return `${projectApi(place)}/artifacts${pathOf(place.name)}`;
}

function versionApi(place: VersionPlace): string {
  return `${collectionApi(place)}/versions${pathOf(place.version)}`;
}

/** All of a project begin alike, so that a change can renew them at once. */
const keys = {
  project: ({ entity, project }: ProjectPlace) => ["artifacts", entity, project] as const,
  collection: (place: CollectionPlace) => [...keys.project(place), "of", place.name] as const,
  version: (place: VersionPlace) => [...keys.collection(place), "at", place.version] as const,
};

/** Pages joined to one list, with the total where the server says it. */
export function joinPages<T>(data: { pages: readonly Page<T>[] } | undefined): {
  items: T[];
  total: number;
} {
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  return { items, total: data?.pages[0]?.total ?? items.length };
}

function usePages<T>(
  queryKey: readonly unknown[],
  path: string,
  query: Record<string, string | number | null>,
  options: { isEnabled?: boolean; keepsOld?: boolean } = {},
) {
  return useInfiniteQuery({
    queryKey: [...queryKey, query],
    queryFn: ({ pageParam, signal }) =>
      request<Page<T>>(path, { query: { ...query, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    enabled: options.isEnabled ?? true,
    ...(options.keepsOld ? { placeholderData: keepPreviousData } : {}),
  });
}

// ---- reading

export function useTypes(place: ProjectPlace) {
  return useQuery({
    queryKey: [...keys.project(place), "types"],
    queryFn: ({ signal }) =>
      request<ArtifactTypes>(`${projectApi(place)}/artifact-types`, { signal }),
  });
}

export interface CollectionSearch {
  type: string;
  q: string;
  sort: SortName;
}

export function useCollections(place: ProjectPlace, { type, q, sort }: CollectionSearch) {
  const query = { type: type || null, q: q || null, sort, limit: COLLECTIONS_PAGE };
  return usePages<Collection>(
    [...keys.project(place), "list"],
    `${projectApi(place)}/artifacts`,
    query,
    { keepsOld: true },
  );
}

export function collectionQuery(place: CollectionPlace) {
  return {
    queryKey: [...keys.collection(place), "detail"],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      request<Collection>(collectionApi(place), { signal }),
  };
}

export function useCollection(place: CollectionPlace) {
  return useQuery(collectionQuery(place));
}

export function useVersions(place: CollectionPlace, q = "") {
  return usePages<VersionHead>(
    [...keys.collection(place), "versions"],
    `${collectionApi(place)}/versions`,
    { q: q || null, limit: VERSIONS_PAGE },
    { keepsOld: true },
  );
}

/** Without a version nothing is asked. */
export function useVersion(place: VersionPlace) {
  return useQuery({
    queryKey: [...keys.version(place), "detail"],
    queryFn: ({ signal }) => request<Version>(versionApi(place), { signal }),
    enabled: place.version !== "",
  });
}

export function useUsedBy(place: VersionPlace) {
  return usePages<RunHead>([...keys.version(place), "used-by"], `${versionApi(place)}/used-by`, {
    limit: RUNS_PAGE,
  });
}

/** What happened to the version, newest first. */
export function useVersionEvents(place: VersionPlace) {
  return usePages<ArtifactEvent>(
    [...keys.version(place), "events"],
    `${versionApi(place)}/events`,
    {
      limit: EVENTS_PAGE,
    },
  );
}

/** What happened in the collection, newest first. */
export function useCollectionEvents(place: CollectionPlace) {
  return usePages<ArtifactEvent>(
    [...keys.collection(place), "events"],
    `${collectionApi(place)}/events`,
    { limit: EVENTS_PAGE },
  );
}

/** One page of one directory. */
export function treeQuery(place: VersionPlace, path: string, cursor: string | null) {
  return {
    queryKey: [...keys.version(place), "tree", path, cursor],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      request<Page<TreeItem>>(`${versionApi(place)}/tree`, {
        query: { path, cursor, limit: TREE_PAGE },
        signal,
      }),
    staleTime: 60_000,
  };
}

/** Files whose path begins with `prefix`, in the order of their paths. */
export function useFilesByPrefix(place: VersionPlace, prefix: string) {
  return useInfiniteQuery({
    queryKey: [...keys.version(place), "files", prefix],
    queryFn: ({ pageParam, signal }) =>
      request<Page<FileItem>>(`${versionApi(place)}/files`, {
        query: { prefix, cursor: pageParam, limit: FOUND_PAGE },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    enabled: prefix !== "",
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
}

/** The one file at `path`; null when the version has none there. */
export function useFile(place: VersionPlace, path: string) {
  return useQuery({
    queryKey: [...keys.version(place), "file", path],
    queryFn: async ({ signal }) => {
      const page = await request<Page<FileItem>>(`${versionApi(place)}/files`, {
        query: { prefix: path, limit: 1 },
        signal,
      });
      const first = page.items[0];
      return first?.path === path ? first : null;
    },
    enabled: path !== "",
    staleTime: 60_000,
  });
}

export interface LineageView {
  depth: number;
  direction: "both" | "up" | "down";
  expand: readonly string[];
}

export function useLineage(place: VersionPlace, view: LineageView) {
  return useQuery({
    queryKey: [...keys.version(place), "lineage", view],
    queryFn: ({ signal }) =>
      request<Lineage>(`${versionApi(place)}/lineage`, {
        query: { ...view, limit: LINEAGE_NODES_MAX },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
}

/** Nothing is asked until both versions are known. */
/** Versions in a row with a metric of the run behind each, newest first. */
export function useBisection(place: CollectionPlace, metric: string, isEnabled: boolean) {
  return useInfiniteQuery({
    queryKey: [...keys.collection(place), "bisect", metric],
    queryFn: ({ pageParam, signal }) =>
      request<Bisection>(`${collectionApi(place)}/bisect`, {
        query: { metric: metric || null, limit: VERSIONS_PAGE, cursor: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: isEnabled,
    placeholderData: keepPreviousData,
  });
}

export function useDiff(place: CollectionPlace, order: { from: string; to: string } | null) {
  const from = { ...place, version: order?.from ?? "" };
  return useQuery({
    queryKey: [...keys.version(from), "diff", order?.to],
    queryFn: ({ signal }) =>
      request<VersionDiff>(`${versionApi(from)}/diff`, { query: { to: order?.to }, signal }),
    enabled: order !== null,
  });
}

export type RowChange = "added" | "removed" | "changed";

interface TablePair {
  before: string;
  after: string;
  /** Columns that tell rows apart; null for those that the server finds. */
  on: readonly string[] | null;
}

/** Rows of two tables that are not the same, those of one change or of all. */
export function useTableDiff(pair: TablePair, change: RowChange | "") {
  return useInfiniteQuery({
    queryKey: ["tables", "diff", pair, change],
    queryFn: ({ pageParam, signal }) =>
      request<TableDiff>("/api/v1/tables:diff", {
        method: "POST",
        body: { ...pair, change: change || null, offset: pageParam, limit: ROW_CHANGES_PAGE },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page, pages) => {
      const count = pages.reduce((sum, { rows }) => sum + rows.length, 0);
      return count < page.total ? count : null;
    },
    placeholderData: keepPreviousData,
  });
}

/** What hangs on all versions of a collection. */
export function useCollectionDependents(place: CollectionPlace) {
  return useQuery({
    queryKey: [...keys.collection(place), "dependents"],
    queryFn: ({ signal }) =>
      request<CollectionDependents>(`${collectionApi(place)}/dependents`, { signal }),
    staleTime: 0,
  });
}

export function useDependents(place: VersionPlace, isEnabled: boolean) {
  return useQuery({
    queryKey: [...keys.version(place), "dependents"],
    queryFn: ({ signal }) => request<Dependents>(`${versionApi(place)}/dependents`, { signal }),
    enabled: isEnabled,
    staleTime: 0,
  });
}

export function useTrash(place: ProjectPlace) {
  return usePages<TrashedVersion>(
    [...keys.project(place), "trash"],
    `${projectApi(place)}/artifact-trash`,
    { limit: COLLECTIONS_PAGE },
  );
}

// ---- writing

/** Aliases and counts are shown in many places, so all of the project is read again. */
function renewProject(queryClient: QueryClient, place: ProjectPlace) {
  return queryClient.invalidateQueries({ queryKey: keys.project(place) });
}

export function usePatchVersion(place: VersionPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: VersionPatch) =>
      request<Version>(versionApi(place), { method: "PATCH", body }),
    onSuccess: (version) => {
      queryClient.setQueryData([...keys.version(place), "detail"], version);
    },
    onSettled: () => renewProject(queryClient, place),
  });
}

export function usePatchCollection(place: CollectionPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: CollectionPatch) =>
      request<Collection>(collectionApi(place), { method: "PATCH", body }),
    onSuccess: (collection) => {
      queryClient.setQueryData(
        [...keys.collection({ ...place, name: collection.name }), "detail"],
        collection,
      );
      return queryClient.invalidateQueries({
        queryKey: keys.project(place),
        // The old name is gone; whoever shows it is about to leave.
        refetchType: collection.name === place.name ? "active" : "none",
      });
    },
  });
}

/** Reads nothing of the version any more once it is gone. */
export function useDeleteVersion(place: VersionPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () =>
      request<VersionDeleted>(versionApi(place), {
        method: "DELETE",
        query: { delete_aliases: true },
      }),
    onSuccess: () =>
      queryClient.invalidateQueries({ queryKey: keys.project(place), refetchType: "none" }),
  });
}

export function useDeleteCollection(place: CollectionPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => request<CollectionDeleted>(collectionApi(place), { method: "DELETE" }),
    onSuccess: () =>
      queryClient.invalidateQueries({ queryKey: keys.project(place), refetchType: "none" }),
  });
}

/** Takes a version out of a portfolio. */
export function useUnlink(place: VersionPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () =>
      request<void>(`${collectionApi(place)}/links${pathOf(place.version)}`, { method: "DELETE" }),
    onSuccess: () =>
      queryClient.invalidateQueries({ queryKey: keys.project(place), refetchType: "none" }),
  });
}

export function useRestoreVersion(project: ProjectPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (place: VersionPlace) =>
      request<unknown>(`${versionApi(place)}:restore`, { method: "POST" }),
    onSettled: () => renewProject(queryClient, project),
  });
}

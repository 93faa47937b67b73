/**
 * A sweep and all its trials, as its page and its charts read them.
 *
 * The server answers in columns; here they become typed arrays, so that a chart of two thousand trials reads numbers
 * and not objects. A value that is missing, NaN or infinite is NaN in every number column.
 */

import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { pathOf, request } from "~/api/client";
import type {
  JsonValue,
  Page,
  RawTrialColumns,
  SweepDetail,
  SweepOverview,
  SweepPatch,
  TrialState,
} from "~/api/types";

export type { SweepDetail, SweepOverview, SweepRow, TrialState } from "~/api/types";

export const SWEEPS_PAGE = 50;

export interface SweepPlace {
  entity: string;
  project: string;
  sweep: string;
}

/**
 * What became of a trial, in the words of this page: `complete` ran to its end, `stopped` ended early, `failed` broke,
 * `running` is at work (or about to be), `waiting` is known and not handed out.
 */
export type Outcome = "complete" | "stopped" | "failed" | "running" | "waiting";

export const OUTCOMES: readonly Outcome[] = ["complete", "stopped", "failed", "running", "waiting"];

const OUTCOME_OF: Record<TrialState, Outcome> = {
  finished: "complete",
  stopped: "stopped",
  failed: "failed",
  running: "running",
  leased: "running",
  lost: "waiting",
  queued: "waiting",
};

/** A parameter of the space, with its value in every trial. */
export interface ParameterColumn {
  name: string;
  kind: "number" | "integer" | "category" | "constant";
  scale: "linear" | "log";
  /** null: the configuration does not have it any more. */
  distribution: string | null;
  /** Range of the configuration; null where nothing bounds it, and for categories. */
  low: number | null;
  high: number | null;
  /** Of a category (and a constant): the values as texts, in the order of the configuration. */
  labels: readonly string[];
  /** The same as values. */
  values: readonly JsonValue[];
  /** By row; of a category the place in `labels`. NaN where a trial does not have it. */
  numbers: Float64Array;
}

export interface MetricColumn {
  name: string;
  goal: "minimize" | "maximize";
  target: number | null;
  /** The formula it is computed by, where it is one. */
  expression: string | null;
  /** By row. Of trials that still run it is what they logged last; of trials of several runs their mean. */
  numbers: Float64Array;
  /** Standard deviation over the folds or seeds of a trial; null where no trial has several. */
  std: Float64Array | null;
}

/** All trials of a sweep in the order of their suggestion. A *row* is a place in these columns. */
export interface TrialColumns {
  /** How many are here. */
  count: number;
  /** How many there are. More than `count` while further pages are on their way. */
  total: number;
  configVersion: number;
  /** Number of the trial within its sweep: its identity. */
  ids: Int32Array;
  runs: readonly string[];
  /** All runs of each trial; of folds and seeds it has several. */
  runsOf: readonly (readonly string[])[];
  /** What to call the trial: the run's display name, or its name until there is one. */
  names: readonly string[];
  states: readonly TrialState[];
  outcomes: readonly Outcome[];
  /** null until there is a run. */
  runStates: readonly (string | null)[];
  parameters: readonly ParameterColumn[];
  /** The first one is what the search goes by. */
  metrics: readonly MetricColumn[];
  /** Further values that constraints on outcomes and the cost name. */
  measured: ReadonlyMap<string, Float64Array>;
  durationS: Float64Array;
  gpuHours: Float64Array;
  tokens: Float64Array;
  usd: Float64Array;
  createdUs: Float64Array;
  startedUs: Float64Array;
  endedUs: Float64Array;
  attempts: Int32Array;
  configVersions: Int32Array;
  /** What made the suggestion (`grid`, `random`, `model`, …) and why. */
  kinds: readonly string[];
  reasons: readonly string[];
  expectedMean: Float64Array;
  expectedStd: Float64Array;
  /** Why it was stopped early; it names the rung. */
  stopReasons: readonly (string | null)[];
  agents: readonly (string | null)[];
  hosts: readonly (string | null)[];
  gpus: readonly (string | null)[];
  slurmJobs: readonly (string | null)[];
  slurmTasks: readonly (string | null)[];
}

export function sweepsApi(entity: string, project: string): string {
  return `/api/v1${pathOf(entity, project, "sweeps")}`;
}

export function sweepApi({ entity, project, sweep }: SweepPlace): string {
  return `/api/v1${pathOf(entity, project, "sweeps", sweep)}`;
}

/** First the kind, then the place: "everything of this sweep" can be renewed at once. */
export const sweepKeys = {
  project: (entity: string, project: string) => ["sweeps", entity, project] as const,
  all: ({ entity, project, sweep }: SweepPlace) =>
    [...sweepKeys.project(entity, project), "of", sweep] as const,
  detail: (place: SweepPlace) => [...sweepKeys.all(place), "detail"] as const,
  columns: (place: SweepPlace) => [...sweepKeys.all(place), "columns"] as const,
};

export function useSweep(place: SweepPlace) {
  return useQuery({
    queryKey: sweepKeys.detail(place),
    queryFn: ({ signal }) => request<SweepDetail>(sweepApi(place), { signal }),
  });
}

export function useSweeps(entity: string, project: string, state: string) {
  return useInfiniteQuery({
    queryKey: [...sweepKeys.project(entity, project), "list", state],
    queryFn: ({ pageParam, signal }) =>
      request<Page<SweepOverview>>(`${sweepsApi(entity, project)}:overview`, {
        query: { state: state || null, limit: SWEEPS_PAGE, cursor: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    placeholderData: keepPreviousData,
  });
}

/** All trials; pages beyond the first are read one after another and shown as they come. */
export function useTrialColumns(place: SweepPlace) {
  const pages = useInfiniteQuery({
    queryKey: sweepKeys.columns(place),
    queryFn: ({ pageParam, signal }) =>
      request<RawTrialColumns>(`${sweepApi(place)}/columns`, {
        query: { cursor: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const columns = useMemo(
    () => (pages.data === undefined ? undefined : joinColumns(pages.data.pages)),
    [pages.data],
  );
  return { ...pages, columns };
}

/** Changes the sweep; everything of it, and the list, is read again afterwards. */
export function usePatchSweep(place: SweepPlace) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (patch: Partial<SweepPatch>) =>
      request<SweepDetail>(sweepApi(place), { method: "PATCH", body: patch }),
    onSuccess: (detail) => queryClient.setQueryData(sweepKeys.detail(place), detail),
    onSettled: () =>
      queryClient.invalidateQueries({ queryKey: sweepKeys.project(place.entity, place.project) }),
  });
}

// ---- from the answer to columns

export function joinColumns(pages: readonly RawTrialColumns[]): TrialColumns {
  const [first] = pages;
  if (first === undefined) throw new Error("columns have at least one page");
  const texts = <T>(pick: (page: RawTrialColumns) => readonly T[]): readonly T[] =>
    pages.length === 1 ? pick(first) : pages.flatMap(pick);
  const count = pages.reduce((sum, page) => sum + page.index.length, 0);
  const numbers = (pick: (page: RawTrialColumns) => readonly (number | null)[] | undefined) =>
    toNumbers(pages, count, pick);
  const states = texts((page) => page.state);
  const runs = texts((page) => page.run);
  const displayNames = texts((page) => page.display_name);
  const measured = new Set(pages.flatMap((page) => Object.keys(page.outcomes)));
  return {
    count,
    total: Math.max(count, first.total),
    configVersion: first.config_version,
    ids: Int32Array.from(texts((page) => page.index)),
    runs,
    runsOf: texts((page) => page.fold_runs ?? page.run.map((run) => [run])),
    names: runs.map((run, row) => displayNames[row] ?? run),
    states,
    outcomes: states.map((state) => OUTCOME_OF[state]),
    runStates: texts((page) => page.run_state),
    parameters: joinParameters(pages, count),
    metrics: first.metrics.map((metric, place) => ({
      name: metric.name,
      goal: metric.goal,
      target: metric.target,
      expression: metric.expression,
      numbers: numbers((page) => page.metrics[place]?.cells),
      std: pages.some((page) => page.metrics[place]?.spread != null)
        ? numbers((page) => page.metrics[place]?.spread ?? undefined)
        : null,
    })),
    measured: new Map([...measured].map((name) => [name, numbers((page) => page.outcomes[name])])),
    durationS: numbers((page) => page.duration_s),
    gpuHours: numbers((page) => page.gpu_hours),
    tokens: numbers((page) => page.tokens),
    usd: numbers((page) => page.usd),
    createdUs: numbers((page) => page.created_at_us),
    startedUs: numbers((page) => page.started_at_us),
    endedUs: numbers((page) => page.ended_at_us),
    attempts: Int32Array.from(texts((page) => page.attempts)),
    configVersions: Int32Array.from(texts((page) => page.trial_config_version)),
    kinds: texts((page) => page.kind),
    reasons: texts((page) => page.reason),
    expectedMean: numbers((page) => page.expected_mean),
    expectedStd: numbers((page) => page.expected_std),
    stopReasons: texts((page) => page.stop_reason),
    agents: texts((page) => page.agent),
    hosts: texts((page) => page.host),
    gpus: texts((page) => page.gpu),
    slurmJobs: texts((page) => page.slurm_job),
    slurmTasks: texts((page) => page.slurm_task),
  };
}

function toNumbers(
  pages: readonly RawTrialColumns[],
  count: number,
  pick: (page: RawTrialColumns) => readonly (number | null)[] | undefined,
): Float64Array {
  const numbers = new Float64Array(count).fill(Number.NaN);
  let at = 0;
  for (const page of pages) {
    const cells = pick(page);
    for (let i = 0; i < page.index.length; i++) {
      const cell = cells?.[i];
      if (typeof cell === "number") numbers[at + i] = cell;
    }
    at += page.index.length;
  }
  return numbers;
}

function joinParameters(pages: readonly RawTrialColumns[], count: number): ParameterColumn[] {
  const names = new Set(pages.flatMap((page) => page.parameters.map(({ name }) => name)));
  return [...names].map((name) => {
    const found = pages.map((page) => page.parameters.find((each) => each.name === name));
    const facts = found.find((each) => each !== undefined);
    if (facts === undefined) throw new Error(`no page has the parameter ${name}`);
    const cells: JsonValue[] = pages.flatMap(
      (page, i) => found[i]?.cells ?? page.index.map(() => null),
    );
    // A page may hold numbers only, and the next one texts.
    const isCategory = found.some((each) => each?.kind === "category");
    const kind = isCategory ? "category" : facts.kind;
    const { labels, values, numbers } = placeCells(cells, facts.values, kind, count);
    const { scale, distribution, low, high } = facts;
    return { name, kind, scale, distribution, low, high, labels, values, numbers };
  });
}

/** Numbers as they are; anything else as its place among the values, those that no list names after the others. */
function placeCells(
  cells: readonly JsonValue[],
  known: readonly JsonValue[],
  kind: ParameterColumn["kind"],
  count: number,
) {
  const numbers = new Float64Array(count).fill(Number.NaN);
  const isPlaced = kind === "category" || kind === "constant";
  const values: JsonValue[] = [...known];
  const labels = values.map(labelOf);
  const placeOf = new Map(labels.map((label, place) => [label, place]));
  cells.forEach((cell, row) => {
    if (cell === null && !placeOf.has("null")) return;
    if (!isPlaced) {
      if (typeof cell === "number") numbers[row] = cell;
      return;
    }
    const label = labelOf(cell);
    let place = placeOf.get(label);
    if (place === undefined) {
      place = labels.length;
      placeOf.set(label, place);
      labels.push(label);
      values.push(cell);
    }
    numbers[row] = place;
  });
  return { labels: isPlaced ? labels : [], values: isPlaced ? values : [], numbers };
}

export function labelOf(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

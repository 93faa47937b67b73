/** What the server has computed of a sweep. */

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { pathOf, request } from "~/api/client";
import type {
  BracketsAnswer,
  BudgetReport,
  ComparisonAnswer,
  ImportanceAnswer,
  LoggedValues,
  ParetoAnswer,
  SurfaceAnswer,
  WeightingBody,
  WeightingRow,
} from "~/api/schema";
import { type SweepPlace, sweepApi, sweepKeys, type TrialColumns } from "../data";

/** Grows when a trial ends: answers of before are asked for anew, and shown until then. */
export function endedCount(columns: TrialColumns): number {
  return columns.endedUs.reduce((count, at) => count + (Number.isNaN(at) ? 0 : 1), 0);
}

function useAnswer<T>(
  place: SweepPlace,
  name: string,
  query: Record<string, string | boolean | readonly string[] | null>,
  ended: number,
  isAsked = true,
) {
  return useQuery({
    queryKey: [...sweepKeys.all(place), "analysis", name, query, ended],
    queryFn: ({ signal }) => request<T>(`${sweepApi(place)}/${name}`, { query, signal }),
    placeholderData: keepPreviousData,
    enabled: isAsked,
  });
}

export function useImportance(place: SweepPlace, metric: string | null, ended: number) {
  return useAnswer<ImportanceAnswer>(place, "importance", { metric }, ended, metric !== null);
}

export function useSurface(
  place: SweepPlace,
  metric: string | null,
  x: string | null,
  y: string | null,
  ended: number,
) {
  const isAsked = metric !== null && x !== null;
  return useAnswer<SurfaceAnswer>(place, "surface", { metric, x, y }, ended, isAsked);
}

export function useFront(
  place: SweepPlace,
  metrics: readonly string[],
  feasible: boolean,
  ended: number,
) {
  const query = { metric: metrics, feasible };
  return useAnswer<ParetoAnswer>(place, "pareto", query, ended, metrics.length > 0);
}

export function useBrackets(place: SweepPlace, ended: number) {
  return useAnswer<BracketsAnswer>(place, "brackets", {}, ended);
}

export function useLogged(place: SweepPlace, names: readonly string[], ended: number) {
  return useAnswer<LoggedValues>(place, "logged", { name: names }, ended);
}

export function useBudget(place: SweepPlace, ended: number) {
  return useAnswer<BudgetReport>(place, "budget", {}, ended);
}

export function useComparison(
  entity: string,
  project: string,
  sweeps: readonly string[],
  metrics: readonly string[],
) {
  return useQuery({
    queryKey: [...sweepKeys.project(entity, project), "comparison", sweeps, metrics],
    queryFn: ({ signal }) =>
      request<ComparisonAnswer>(`/api/v1${pathOf(entity, project, "sweep-comparison")}`, {
        query: { sweep: sweeps, metric: metrics },
        signal,
      }),
    placeholderData: keepPreviousData,
    enabled: sweeps.length > 0,
  });
}

export function useWeightings(place: SweepPlace) {
  return useQuery({
    queryKey: [...sweepKeys.all(place), "weightings"],
    queryFn: ({ signal }) =>
      request<{ items: WeightingRow[] }>(`${sweepApi(place)}/weightings`, { signal }),
  });
}

export function useSaveWeighting(place: SweepPlace) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, ...body }: WeightingBody & { name: string }) =>
      request<WeightingRow>(`${sweepApi(place)}/weightings${pathOf(name)}`, {
        method: "PUT",
        body,
      }),
    onSuccess: () =>
      client.invalidateQueries({ queryKey: [...sweepKeys.all(place), "weightings"] }),
  });
}

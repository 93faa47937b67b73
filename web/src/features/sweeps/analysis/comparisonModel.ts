/** Lines of the charts that lay several sweeps over each other. */

import type { ComparedSweep, FrontMetric } from "~/api/schema";
import type { PlotLine } from "~/charts/plots/plotModel";
import { listStairs } from "./chartModel";

export type Over = "trials" | "hours" | "run_hours";

export function nameOf({ display_name, name }: ComparedSweep): string {
  return display_name === null ? name : `${display_name} (${name})`;
}

/** The best so far as stairs: it holds until the next one. */
export function progressLines(sweeps: readonly ComparedSweep[], over: Over): PlotLine[] {
  return sweeps.map((sweep) => {
    const points: [number, number][] = [];
    for (const { ended, hours, run_hours, value } of sweep.best) {
      const x = { trials: ended, hours, run_hours }[over];
      const before = points.at(-1)?.[1];
      if (before !== undefined) points.push([x, before]);
      points.push([x, value]);
    }
    return { name: nameOf(sweep), points };
  });
}

export function volumeLines(sweeps: readonly ComparedSweep[]): PlotLine[] {
  return sweeps.map((sweep) => {
    const points: [number, number][] = [];
    for (const { ended, hypervolume } of sweep.history) {
      const before = points.at(-1)?.[1];
      if (before !== undefined) points.push([ended, before]);
      points.push([ended, hypervolume]);
    }
    return { name: nameOf(sweep), points };
  });
}

export function frontLines(
  sweeps: readonly ComparedSweep[],
  metrics: readonly FrontMetric[],
  a: number,
  b: number,
): PlotLine[] {
  const goals = [metrics[a]?.goal ?? "minimize", metrics[b]?.goal ?? "minimize"] as const;
  return sweeps.map((sweep) => {
    const marks = sweep.front.map(({ values }) => [values[a] ?? 0, values[b] ?? 0] as const);
    return { name: nameOf(sweep), points: listStairs(marks, goals), marks };
  });
}

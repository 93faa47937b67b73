/** Addresses of a sweep's pages. */

import { pathOf } from "~/api/client";
import type { SweepPlace } from "./data";

export type SweepTab = "trials" | "analysis";

export function sweepPath({ entity, project, sweep }: SweepPlace, tab?: SweepTab): string {
  const last = tab === undefined || tab === "trials" ? [] : [tab];
  return pathOf(entity, project, "sweeps", sweep, ...last);
}

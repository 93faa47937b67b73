/** Outcomes of trials in words and marks, and what of them is counted. */

import type { SweepState } from "~/api/types";
import type { IconName } from "~/ui/Icon";
import { OUTCOMES, type Outcome, type TrialColumns } from "./data";

interface Look {
  label: string;
  icon: IconName;
  tone: "running" | "ok" | "error" | "warn" | "quiet";
}

export const OUTCOME_LOOKS: Readonly<Record<Outcome, Look>> = {
  complete: { label: "complete", icon: "check", tone: "ok" },
  stopped: { label: "stopped early", icon: "stop", tone: "warn" },
  failed: { label: "failed", icon: "x", tone: "error" },
  running: { label: "running", icon: "disc", tone: "running" },
  waiting: { label: "waiting", icon: "dashes", tone: "quiet" },
};

export const SWEEP_LOOKS: Readonly<Record<SweepState, Look>> = {
  pending: { label: "waiting for an agent", icon: "dashes", tone: "quiet" },
  running: { label: "running", icon: "disc", tone: "running" },
  paused: { label: "paused", icon: "pause", tone: "warn" },
  finished: { label: "finished", icon: "check", tone: "ok" },
  canceled: { label: "canceled", icon: "stop", tone: "quiet" },
};

export type OutcomeCounts = Readonly<Record<Outcome, number>>;

export function countOutcomes(outcomes: readonly Outcome[]): OutcomeCounts {
  const counts: Record<Outcome, number> = {
    complete: 0,
    stopped: 0,
    failed: 0,
    running: 0,
    waiting: 0,
  };
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
}

/** The same from the states of trials, as the server counts them. */
export function outcomesOfStates(counts: Readonly<Record<string, number>>): OutcomeCounts {
  const of = (...states: string[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return {
    complete: of("finished"),
    stopped: of("stopped"),
    failed: of("failed"),
    running: of("running", "leased"),
    waiting: of("queued", "lost"),
  };
}

/** Rows whose outcome is not hidden. */
export function listCounted(columns: TrialColumns, hidden: readonly Outcome[]): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < columns.count; row++) {
    if (!hidden.includes(columns.outcomes[row] as Outcome)) rows.push(row);
  }
  return Int32Array.from(rows);
}

/** "60 complete, 20 stopped early": what is in a chart, for people to compare it with another. */
export function describeCounts(counts: OutcomeCounts, hidden: readonly Outcome[] = []): string {
  const parts = OUTCOMES.filter((each) => counts[each] > 0 && !hidden.includes(each)).map(
    (each) => `${counts[each].toLocaleString("en-US")} ${OUTCOME_LOOKS[each].label}`,
  );
  return parts.length === 0 ? "none" : parts.join(", ");
}

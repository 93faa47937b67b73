/** A server with one sweep of a project, for tests of its pages. */

import type { RawTrialColumns, SweepDetail, SweepOverview } from "~/api/types";
import { FakeServer } from "~/testing/page";

export const SWEEPS = "/api/v1/acme/mnist/sweeps";
export const SWEEP = `${SWEEPS}/s1`;
const NOON_US = Date.UTC(2026, 10, 20, 12) * 1000;
const MINUTE_US = 60_000_000;

export const CONFIG = [
  "method: bayes",
  "metric: {name: loss, goal: minimize}",
  "parameters:",
  "  lr: {distribution: log_uniform_values, min: 1.0e-4, max: 0.1}",
  "  opt: {values: [adam, sgd]}",
  "",
].join("\n");

export function makeDetail(more: Partial<SweepDetail> = {}): SweepDetail {
  return {
    ...{ name: "s1", display_name: null, description: null, state: "running", method: "bayes" },
    ...{ config_version: 1, username: "ada", trial_count: 5, run_count_expected: 20 },
    ...{ exhausted_reason: null, created_at_us: NOON_US, updated_at_us: NOON_US },
    ...{ finished_at_us: null, entity: "acme", project: "mnist", config: CONFIG },
    ...{ config_name: "warm-up", program: "train.py", run_limit: 20, is_local: false, seed: 7 },
    ...{ prior_runs: [], run_count: 5, agent_count: 2, warnings: [] },
    metrics: [{ name: "loss", goal: "minimize", target: null, best: 0.2 }],
    trial_counts: { finished: 2, stopped: 1, failed: 1, running: 1 },
    ...more,
  } as SweepDetail;
}

/** Five trials: two complete, one stopped early, one failed without a value, one that runs. */
export function makeColumns(more: Partial<RawTrialColumns> = {}): RawTrialColumns {
  const count = 5;
  const all = <T>(value: T): T[] => Array.from({ length: count }, () => value);
  const starts = Array.from({ length: count }, (_, i) => NOON_US + i * MINUTE_US);
  return {
    ...{ config_version: 1, total: count, next_cursor: null, index: [0, 1, 2, 3, 4] },
    fold_runs: null,
    run: ["r0", "r1", "r2", "r3", "r4"],
    display_name: ["brisk-0", "brisk-1", "brisk-2", "brisk-3", null],
    run_state: ["finished", "finished", "finished", "failed", null],
    state: ["finished", "finished", "stopped", "failed", "running"],
    ...{ attempts: all(1), trial_config_version: all(1), agent: all("a1"), kind: all("model") },
    reason: ["evenly spread", "near the best", "near the best", "unexplored", "near the best"],
    ...{ expected_mean: all(null), expected_std: all(null) },
    stop_reason: [null, null, "bracket 0, rung 9: worse than 0.3", null, null],
    duration_s: [60, 120, 30, 10, null],
    ...{ created_at_us: starts, started_at_us: starts },
    ended_at_us: [...starts.slice(0, 4).map((us) => us + MINUTE_US), null],
    parameters: [
      {
        ...{ name: "lr", kind: "number", scale: "log", distribution: "log_uniform_values" },
        ...{ low: 1e-4, high: 0.1, values: [], cells: [0.001, 0.01, 0.05, 0.0005, 0.002] },
      },
      {
        ...{ name: "opt", kind: "category", scale: "linear", distribution: "categorical" },
        ...{ low: null, high: null, values: ["adam", "sgd"] },
        cells: ["adam", "sgd", "adam", "sgd", "adam"],
      },
    ],
    metrics: [
      {
        ...{ name: "loss", goal: "minimize", target: null, expression: null, spread: null },
        cells: [0.5, 0.2, 0.6, null, null],
      },
    ],
    outcomes: {},
    ...{ gpu_hours: all(null), tokens: all(null), usd: all(null), host: all("node1") },
    ...{ gpu: all(null), slurm_job: all("4711"), slurm_task: ["0", "1", "2", "3", "4"] },
    ...more,
  } as RawTrialColumns;
}

export function makeOverview(more: Partial<SweepOverview["sweep"]> = {}): SweepOverview {
  return {
    sweep: { ...makeDetail(), ...more },
    progress: {
      ...{ config_name: "warm-up", metric: "loss", goal: "minimize", best: 0.2 },
      trial_counts: { finished: 2, stopped: 1, failed: 1, running: 1 },
      ...{ run_limit: 20, budget: { runs: 20, usd: 12 } },
    },
  };
}

export function makeSweepServer(): FakeServer {
  return new FakeServer()
    .on(`GET ${SWEEP}`, () => makeDetail())
    .on(`GET ${SWEEP}/columns`, () => makeColumns())
    .on(`POST ${SWEEPS}:check`, () => ({
      ...{ is_valid: true, run_count_expected: 20 },
      remarks: [
        {
          ...{ severity: "hint", path: "parameters.opt", line: 5, message: "two values only" },
          suggestion: null,
        },
      ],
    }))
    .on(`GET ${SWEEPS}:overview`, () => ({
      items: [makeOverview()],
      next_cursor: null,
      total: 1,
    }));
}

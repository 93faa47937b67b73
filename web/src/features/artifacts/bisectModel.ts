/** Which versions are good, which are bad, and between which two that turned. */

import type { BisectStep, JsonValue } from "~/api/types";

export type Mark = "good" | "bad";
export type Goal = "max" | "min";

export interface Rule {
  goal: Goal;
  /** The worst value that is still good; null marks nothing. */
  limit: number | null;
  /** Versions that a person marked, whatever their metric. */
  good: readonly string[];
  bad: readonly string[];
}

/** What a person said of a version, else what its metric says; null where neither says anything. */
export function markOf({ version, value }: BisectStep, rule: Rule): Mark | null {
  if (rule.bad.includes(version.version)) return "bad";
  if (rule.good.includes(version.version)) return "good";
  if (rule.limit === null || value === null) return null;
  if (isBroken(value)) return "bad";
  if (typeof value !== "number") return null;
  return (rule.goal === "max" ? value >= rule.limit : value <= rule.limit) ? "good" : "bad";
}

/** NaN is never good; of infinities nothing is known. */
function isBroken(value: JsonValue): boolean {
  return value === "NaN";
}

export interface Break {
  good: BisectStep;
  bad: BisectStep;
  /** Versions between the two that nobody marked, newest first. */
  between: readonly BisectStep[];
  /** The oldest of the later versions that is good again. */
  fixed: BisectStep | null;
}

/** The last time that a good version was followed by a bad one. Steps are newest first. */
export function findBreak(steps: readonly BisectStep[], rule: Rule): Break | null {
  let newer: { at: number; mark: Mark } | null = null;
  let fixed: BisectStep | null = null;
  for (const [at, step] of steps.entries()) {
    const mark = markOf(step, rule);
    if (mark === null) continue;
    if (newer?.mark === "bad" && mark === "good") {
      const bad = steps[newer.at] as BisectStep;
      return { good: step, bad, between: steps.slice(newer.at + 1, at), fixed };
    }
    if (mark === "good") fixed = step;
    newer = { at, mark };
  }
  return null;
}

/** The version to look at next: half of those between are on either side of it. */
export function nextToTry({ between }: Break): BisectStep | null {
  return between[Math.floor(between.length / 2)] ?? null;
}

/** What is said where no good version is followed by a bad one. */
export function explainNoBreak(steps: readonly BisectStep[], rule: Rule, hasMore: boolean): string {
  const marks = new Set(steps.map((step) => markOf(step, rule)));
  const older = hasMore ? " Show older versions to go on." : "";
  if (marks.has("bad") && marks.has("good")) {
    return `The bad versions came before the good ones: nothing broke since.${older}`;
  }
  if (marks.has("bad")) return `No version is known to be good yet.${older}`;
  if (marks.has("good")) return `No version is known to be bad.${older}`;
  return "Write the worst value that is still good, or mark a version as good and a later one as bad.";
}

export type Trend = "better" | "worse" | null;

export function trendOf(delta: number | null, goal: Goal): Trend {
  if (delta === null || delta === 0) return null;
  return delta > 0 === (goal === "max") ? "better" : "worse";
}

/** Marks a version, or takes the mark away where it has it already. */
export function toggleMark(
  { good, bad }: Pick<Rule, "good" | "bad">,
  version: string,
  mark: Mark,
): { good: string[]; bad: string[] } {
  const without = (names: readonly string[]) => names.filter((name) => name !== version);
  const had = (mark === "good" ? good : bad).includes(version);
  const next = { good: without(good), bad: without(bad) };
  if (!had) next[mark].push(version);
  return next;
}

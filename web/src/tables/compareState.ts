/** What a person chose to see of two tables beside each other. */

import type { JoinedTable, TableColumn } from "../api/types";
import { choiceParam, namesParam, type Schema, switchParam, textParam } from "../core/urlState";

export const OUTCOMES = [
  "win",
  "lose",
  "tie",
  "differs",
  "incomparable",
  "left_only",
  "right_only",
] as const satisfies readonly (keyof JoinedTable)[];

export type Outcome = (typeof OUTCOMES)[number];

export interface CompareState {
  /** The other table; "" while there is none. */
  vs: string;
  /** Columns by which rows belong together; none = a guess. */
  on: readonly string[];
  /** The column that decides; "" = a guess, "-" = none. */
  by: string;
  low: boolean;
  /** Only rows that turned out so. */
  out: Outcome | "";
}

const REF_CHARS_MAX = 4096;
const KEYS_MAX = 8;

export const compareParams: Schema<CompareState> = {
  vs: textParam(REF_CHARS_MAX),
  on: namesParam(KEYS_MAX),
  by: textParam(),
  low: switchParam(false),
  out: choiceParam(["", ...OUTCOMES]),
};

export const NO_COMPARISON = "-";

export function listShared(
  left: readonly TableColumn[],
  right: readonly TableColumn[],
): TableColumn[] {
  const names = new Set(right.map(({ name }) => name));
  return left.filter(({ name }) => names.has(name));
}

const KEY_NAMES = /^(_?id|.*_id|key|index|idx|question|prompt|input|example|sample|name|path)$/i;
const SCORE_NAMES = /score|acc|reward|f1|correct|metric|grade|rating|loss|error/i;

/** The shared column that tells rows apart best. */
export function guessKey(shared: readonly TableColumn[]): string | null {
  const possible = shared.filter(({ type }) => type === "string" || type === "number");
  const most = Math.max(0, ...possible.map(({ distinct }) => distinct ?? 0));
  const named = possible.filter(
    ({ name, distinct }) => KEY_NAMES.test(name) && (distinct ?? 0) >= most * 0.9,
  );
  const best = [...possible].sort((a, b) => (b.distinct ?? 0) - (a.distinct ?? 0))[0];
  return named[0]?.name ?? best?.name ?? null;
}

/** The shared number that sounds like a result. */
export function guessCompared(
  shared: readonly TableColumn[],
  on: readonly string[],
): string | null {
  const rest = shared.filter(({ name, type }) => !on.includes(name) && type !== "media");
  const numbers = rest.filter(({ type }) => type === "number" || type === "boolean");
  return numbers.find(({ name }) => SCORE_NAMES.test(name))?.name ?? numbers[0]?.name ?? null;
}

export function isLowerBetter(column: string): boolean {
  return /loss|error|latency|perplexity|time|cost/i.test(column);
}

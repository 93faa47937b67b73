/** Which panels a board has and in which section each belongs. */

import type { MetricKey } from "~/api/types";

export interface BoardSection {
  name: string;
  keys: string[];
}

export interface BoardKeys {
  sections: BoardSection[];
  /** Text, histograms, media and the like: listed, because a line cannot show them. */
  notNumeric: MetricKey[];
  /** Bookkeeping such as _step: usable as x axis, not worth a panel. */
  internal: MetricKey[];
}

/** Section of the keys without a prefix. */
export const ROOT_SECTION = "Charts";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** "train/loss" belongs to "train"; system metrics use dots ("gpu.0.temp" belongs to "gpu"). */
export function getSectionName(key: string, separators: string): string {
  for (let i = 1; i < key.length - 1; i++) {
    if (separators.includes(key[i] as string)) return key.slice(0, i);
  }
  return ROOT_SECTION;
}

/** The keys that most runs have, so that a board of many begins with what can be compared. */
export function pickByCoverage(items: readonly MetricKey[], count: number): MetricKey[] {
  if (items.length <= count) return [...items];
  return [...items].sort((a, b) => b.run_count - a.run_count).slice(0, count);
}

export function groupKeys(items: readonly MetricKey[], stream: "history" | "system"): BoardKeys {
  const separators = stream === "system" ? "/." : "/";
  const sections = new Map<string, string[]>();
  const [notNumeric, internal]: [MetricKey[], MetricKey[]] = [[], []];
  for (const item of items) {
    if (item.key.startsWith("_")) internal.push(item);
    else if (item.kind !== "number") notNumeric.push(item);
    else {
      const name = getSectionName(item.key, separators);
      const keys = sections.get(name) ?? [];
      keys.push(item.key);
      sections.set(name, keys);
    }
  }
  for (const keys of sections.values()) keys.sort(collator.compare);
  return {
    sections: [...sections]
      .map(([name, keys]) => ({ name, keys }))
      .sort((a, b) => compareSections(a.name, b.name)),
    notNumeric,
    internal,
  };
}

function compareSections(a: string, b: string): number {
  if (a === b) return 0;
  if (a === ROOT_SECTION) return -1;
  return b === ROOT_SECTION ? 1 : collator.compare(a, b);
}

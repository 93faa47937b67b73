/** Trials by what they have in common, with a colour for each group. */

import { PALETTE, SOLID_SLOTS } from "~/core/color";
import type { TrialColumns } from "../data";
import { OUTCOME_LOOKS } from "../outcomes";

export interface Group {
  label: string;
  color: string;
  count: number;
}

export interface Grouping {
  groups: readonly Group[];
  /** By row. */
  colors: readonly string[];
}

/** By what trials can be coloured: value of the choice to its label. */
export function listGroupings(columns: TrialColumns): { value: string; label: string }[] {
  const categories = columns.parameters
    .filter(({ kind, labels }) => kind === "category" && labels.length > 1)
    .map(({ name }) => ({ value: `parameter:${name}`, label: name }));
  return [
    { value: "", label: "none" },
    ...categories,
    { value: "outcome", label: "outcome" },
    { value: "kind", label: "kind of suggestion" },
    { value: "agent", label: "agent" },
    { value: "host", label: "host" },
  ];
}

/** Null where nothing is grouped. Groups beyond the twelve that colours tell apart share a grey. */
export function groupTrials(
  columns: TrialColumns,
  by: string,
  scheme: "light" | "dark",
): Grouping | null {
  const labelOf = labeller(columns, by);
  if (labelOf === null) return null;
  const counts = new Map<string, number>();
  const labels = Array.from({ length: columns.count }, (_, row) => labelOf(row));
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const palette = PALETTE[scheme];
  const grey = scheme === "light" ? "#9aa3b0" : "#59636f";
  const colored = sorted.slice(0, SOLID_SLOTS);
  const colorOf = new Map(colored.map(([label], i) => [label, palette[i] as string]));
  const rest = sorted.slice(SOLID_SLOTS).reduce((sum, [, count]) => sum + count, 0);
  return {
    groups: [
      ...colored.map(([label, count], i) => ({ label, count, color: palette[i] as string })),
      ...(rest > 0 ? [{ label: "others", count: rest, color: grey }] : []),
    ],
    colors: labels.map((label) => colorOf.get(label) ?? grey),
  };
}

function labeller(columns: TrialColumns, by: string): ((row: number) => string) | null {
  if (by === "outcome") return (row) => OUTCOME_LOOKS[columns.outcomes[row] ?? "waiting"].label;
  if (by === "kind") return (row) => columns.kinds[row] ?? "unknown";
  if (by === "agent") return (row) => columns.agents[row] ?? "none";
  if (by === "host") return (row) => columns.hosts[row] ?? "unknown";
  const column = columns.parameters.find(({ name }) => by === `parameter:${name}`);
  if (column === undefined) return null;
  return (row) => column.labels[column.numbers[row] as number] ?? "absent";
}

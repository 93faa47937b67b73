/** The lineage of a version as something to look at and to walk through. */

import type { Lineage, LineageEdge, LineageNode } from "~/api/types";
import { countOf } from "~/charts/format";
import { type Layout, layOut, type Point } from "~/core/layered";
import { runPath, versionPath } from "~/ui/paths";

export const NODE_WIDTH = 200;
export const NODE_HEIGHT = 52;
const COLUMN_GAP = 72;
const ROW_GAP = 16;

export function layOutLineage({ nodes, edges }: Pick<Lineage, "nodes" | "edges">): Layout {
  return layOut(
    nodes.map(({ id }) => ({ id, height: NODE_HEIGHT })),
    edges,
    { nodeWidth: NODE_WIDTH, columnGap: COLUMN_GAP, rowGap: ROW_GAP },
  );
}

/** The page of a node; null for a stack and for what was deleted for good. */
export function pathOfNode(node: LineageNode): string | null {
  const { kind, entity, project, name, type, version, state } = node;
  if (entity === null || project === null || name === null) return null;
  if (kind === "run") return runPath({ entity, project, run: name });
  if (kind !== "artifact" || type === null || version === null || state === "DELETED") return null;
  return versionPath({ entity, project, type, name, version });
}

/** How many nodes a stack stands for, as text. */
export function countHidden({ hidden_count: count = 0 }: LineageNode): string {
  return count.toLocaleString("en-US");
}

/** What a node is, in words. */
export function describeNode(node: LineageNode, { isRoot }: { isRoot: boolean }): string {
  if (node.kind === "stack") return `${countHidden(node)} more: ${node.label}`;
  const kind = node.kind === "run" ? "run" : (node.type ?? "artifact");
  const aliases = node.aliases.length === 0 ? "" : `, ${node.aliases.join(", ")}`;
  const state =
    node.state === null || node.state === "COMMITTED" ? "" : `, ${sayState(node.state)}`;
  return `${kind} ${node.label}${aliases}${state}${isRoot ? ", this version" : ""}`;
}

export function sayState(state: string): string {
  if (state === "PENDING_DELETION") return "in the trash";
  if (state === "DELETED") return "deleted";
  return state.toLowerCase();
}

/** A smooth line through the points of a route. */
export function drawRoute(points: readonly Point[]): string {
  const [start, ...rest] = points;
  if (start === undefined) return "";
  let path = `M${round(start.x)} ${round(start.y)}`;
  let last = start;
  for (const point of rest) {
    const middle = round((last.x + point.x) / 2);
    path += `C${middle} ${round(last.y)} ${middle} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export type Step = "ArrowRight" | "ArrowLeft" | "ArrowUp" | "ArrowDown";

/**
 * The node that an arrow key leads to: right and left along edges to the nearest end, up and down within the column.
 * Null where there is none.
 */
export function walk(
  { places, columns }: Layout,
  edges: readonly LineageEdge[],
  from: string,
  step: Step,
): string | null {
  const here = places.get(from);
  if (here === undefined) return null;
  if (step === "ArrowUp" || step === "ArrowDown") {
    const column = columns.find((ids) => ids.includes(from)) ?? [];
    return column[column.indexOf(from) + (step === "ArrowUp" ? -1 : 1)] ?? null;
  }
  const ends = edges.flatMap((edge) => {
    if (step === "ArrowRight") return edge.from === from ? [edge.to] : [];
    return edge.to === from ? [edge.from] : [];
  });
  const distance = (id: string) => Math.abs((places.get(id)?.y ?? 0) - here.y);
  return ends.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}

export interface LineageRow {
  node: LineageNode;
  from: readonly LineageNode[];
  to: readonly LineageNode[];
}

/** The same graph as rows: what each node comes from and leads to, in the order of the columns. */
export function listLineageRows({ nodes, edges }: Lineage, { columns }: Layout): LineageRow[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const find = (ids: readonly string[]) => ids.flatMap((id) => byId.get(id) ?? []);
  return find(columns.flat()).map((node) => ({
    node,
    from: find(edges.filter((edge) => edge.to === node.id).map((edge) => edge.from)),
    to: find(edges.filter((edge) => edge.from === node.id).map((edge) => edge.to)),
  }));
}

/** "12 versions and 3 runs". */
export function sumUp({ nodes }: Lineage): string {
  const hidden = nodes.reduce((sum, node) => sum + (node.hidden_count ?? 0), 0);
  const count = (kind: LineageNode["kind"]) => nodes.filter((node) => node.kind === kind).length;
  const shown = `${countOf(count("artifact"), "version")}, ${countOf(count("run"), "run")}`;
  return hidden === 0 ? shown : `${shown}, ${hidden.toLocaleString("en-US")} more in stacks`;
}

/**
 * Places the nodes of a directed graph in columns from left to right, as Sugiyama, Tagawa & Toda (1981) do: columns by
 * longest path, order within a column by barycentres, heights by least squares under the order. A cycle is broken at
 * the edge that closes it, which then points back.
 *
 * Own code because it is small and fast: 300 nodes and 600 edges take about 10 ms here, while dagre takes hundreds.
 */

export interface LayerNode {
  id: string;
  height: number;
}

export interface LayerEdge {
  from: string;
  to: string;
}

export interface LayeredOptions {
  nodeWidth: number;
  columnGap: number;
  rowGap: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  /** Left upper corners. */
  places: ReadonlyMap<string, Point>;
  /** Ids of each column from top to bottom. */
  columns: readonly (readonly string[])[];
  /** For each edge that was given, in its order: the points it passes, from the side of `from` to that of `to`. */
  routes: readonly (readonly Point[])[];
  width: number;
  height: number;
}

/** A node, or a bend: the place where an edge passes through a column between its ends. */
interface Slot {
  id: string | null;
  height: number;
  column: number;
  before: Slot[];
  after: Slot[];
  order: number;
  center: number;
}

const ORDER_SWEEPS = 12;
const HEIGHT_SWEEPS = 10;
const BEND_HEIGHT = 4;

export function layOut(
  nodes: readonly LayerNode[],
  edges: readonly LayerEdge[],
  { nodeWidth, columnGap, rowGap }: LayeredOptions,
): Layout {
  const forward = breakCycles(nodes, edges);
  const columnOf = assignColumns(nodes, forward);
  const { columns, slots, chains } = makeColumns(nodes, forward, columnOf);
  sortColumns(columns);
  spreadColumns(columns, rowGap);

  const top = Math.min(0, ...[...slots.values()].map((slot) => slot.center - slot.height / 2));
  const xOf = (column: number) => column * (nodeWidth + columnGap);
  const places = new Map<string, Point>();
  let height = 0;
  for (const [id, slot] of slots) {
    const y = slot.center - slot.height / 2 - top;
    places.set(id, { x: xOf(slot.column), y });
    height = Math.max(height, y + slot.height);
  }
  const routes = edges.map((edge, index) => {
    const chain = chains[index] ?? [];
    const points = chain.flatMap((slot, at) => {
      const left = { x: xOf(slot.column), y: slot.center - top };
      const right = { x: left.x + nodeWidth, y: left.y };
      if (at === 0) return [right];
      return at === chain.length - 1 ? [left] : [left, right];
    });
    return forward[index]?.from === edge.from ? points : points.reverse();
  });
  const width = columns.length === 0 ? 0 : xOf(columns.length - 1) + nodeWidth;
  const named = columns.map((column) =>
    column.flatMap((slot) => (slot.id === null ? [] : [slot.id])),
  );
  return { places, columns: named, routes, width, height };
}

/** The same edges, turned where they would close a cycle. Edges to unknown nodes or to themselves become null. */
function breakCycles(
  nodes: readonly LayerNode[],
  edges: readonly LayerEdge[],
): (LayerEdge | null)[] {
  const outgoing = new Map<string, number[]>(nodes.map((node) => [node.id, []]));
  const hasIncoming = new Set<string>();
  for (const [index, { from, to }] of edges.entries()) {
    if (from === to || !outgoing.has(to)) continue;
    outgoing.get(from)?.push(index);
    hasIncoming.add(to);
  }
  const result: (LayerEdge | null)[] = edges.map(() => null);
  const state = new Map<string, "open" | "done">();
  const starts = [...nodes].sort(
    (a, b) => Number(hasIncoming.has(a.id)) - Number(hasIncoming.has(b.id)),
  );
  for (const start of starts) {
    if (state.has(start.id)) continue;
    state.set(start.id, "open");
    // With a stack of our own: a chain of a thousand versions must not fill the engine's.
    const stack = [{ id: start.id, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const index = outgoing.get(top.id)?.[top.next];
      if (index === undefined) {
        state.set(top.id, "done");
        stack.pop();
        continue;
      }
      top.next += 1;
      const edge = edges[index] as LayerEdge;
      const seen = state.get(edge.to);
      result[index] = seen === "open" ? { from: edge.to, to: edge.from } : edge;
      if (seen !== undefined) continue;
      state.set(edge.to, "open");
      stack.push({ id: edge.to, next: 0 });
    }
  }
  return result;
}

/** The column of each node: behind all that lead to it, and no further left than it needs to be. */
function assignColumns(
  nodes: readonly LayerNode[],
  edges: readonly (LayerEdge | null)[],
): Map<string, number> {
  const after = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  const waiting = new Map<string, number>(nodes.map((node) => [node.id, 0]));
  for (const edge of edges) {
    if (edge === null) continue;
    after.get(edge.from)?.push(edge.to);
    waiting.set(edge.to, (waiting.get(edge.to) ?? 0) + 1);
  }
  const isSource = new Set([...waiting].flatMap(([id, count]) => (count === 0 ? [id] : [])));
  const columnOf = new Map<string, number>([...isSource].map((id) => [id, 0]));
  const queue = [...isSource];
  for (let at = 0; at < queue.length; at++) {
    const id = queue[at] as string;
    for (const next of after.get(id) ?? []) {
      columnOf.set(next, Math.max(columnOf.get(next) ?? 0, (columnOf.get(id) ?? 0) + 1));
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) queue.push(next);
    }
  }
  for (const id of isSource) {
    const nexts = (after.get(id) ?? []).map((next) => columnOf.get(next) ?? 1);
    if (nexts.length > 0) columnOf.set(id, Math.min(...nexts) - 1);
  }
  return columnOf;
}

function makeColumns(
  nodes: readonly LayerNode[],
  edges: readonly (LayerEdge | null)[],
  columnOf: ReadonlyMap<string, number>,
): { columns: Slot[][]; slots: Map<string, Slot>; chains: Slot[][] } {
  const columns: Slot[][] = [];
  const add = (id: string | null, column: number, height: number): Slot => {
    while (columns.length <= column) columns.push([]);
    const list = columns[column] as Slot[];
    const slot = { id, height, column, before: [], after: [], order: list.length, center: 0 };
    list.push(slot);
    return slot;
  };
  const slots = new Map(
    nodes.map(({ id, height }) => [id, add(id, columnOf.get(id) ?? 0, height)] as const),
  );
  const chains = edges.map((edge) => {
    const from = edge === null ? undefined : slots.get(edge.from);
    const to = edge === null ? undefined : slots.get(edge.to);
    if (from === undefined || to === undefined) return [];
    const chain = [from];
    for (let column = from.column + 1; column < to.column; column++) {
      chain.push(add(null, column, BEND_HEIGHT));
    }
    chain.push(to);
    for (let at = 1; at < chain.length; at++) {
      const [a, b] = [chain[at - 1] as Slot, chain[at] as Slot];
      a.after.push(b);
      b.before.push(a);
    }
    return chain;
  });
  return { columns, slots, chains };
}

/** Orders each column by the mean place of its neighbours, forth and back, so that few edges cross. */
function sortColumns(columns: readonly Slot[][]): void {
  for (let sweep = 0; sweep < ORDER_SWEEPS; sweep++) {
    const isForth = sweep % 2 === 0;
    for (const column of isForth ? columns : [...columns].reverse()) {
      const wanted = new Map(
        column.map((slot) => {
          const neighbours = isForth ? slot.before : slot.after;
          return [slot, neighbours.length === 0 ? slot.order : mean(neighbours, "order")];
        }),
      );
      column.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a.order - b.order);
      for (const [order, slot] of column.entries()) slot.order = order;
    }
  }
}

/** Moves each node towards the height of its neighbours, as far as the order of its column allows. */
function spreadColumns(columns: readonly Slot[][], rowGap: number): void {
  for (const column of columns)
    settle(
      column,
      column.map(() => 0),
      rowGap,
    );
  for (let sweep = 0; sweep < HEIGHT_SWEEPS; sweep++) {
    for (const column of sweep % 2 === 0 ? columns : [...columns].reverse()) {
      const wanted = column.map((slot) => {
        const neighbours = [...slot.before, ...slot.after];
        return neighbours.length === 0 ? slot.center : mean(neighbours, "center");
      });
      settle(column, wanted, rowGap);
    }
  }
}

/**
 * Centres as close to those wanted as the distances allow, in least squares: with the distances taken off it is
 * isotonic regression, which pooling adjacent violators solves exactly in one pass.
 */
function settle(column: readonly Slot[], wanted: readonly number[], rowGap: number): void {
  const offsets: number[] = [];
  let offset = 0;
  const pools: { sum: number; count: number }[] = [];
  for (const [index, slot] of column.entries()) {
    const above = column[index - 1];
    if (above !== undefined) offset += (above.height + slot.height) / 2 + rowGap;
    offsets.push(offset);
    let pool = { sum: (wanted[index] ?? 0) - offset, count: 1 };
    for (let last = pools.at(-1); last !== undefined; last = pools.at(-1)) {
      if (last.sum / last.count <= pool.sum / pool.count) break;
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
      pools.pop();
    }
    pools.push(pool);
  }
  let index = 0;
  for (const pool of pools) {
    for (let member = 0; member < pool.count; member++, index++) {
      (column[index] as Slot).center = pool.sum / pool.count + (offsets[index] ?? 0);
    }
  }
}

function mean(slots: readonly Slot[], field: "order" | "center"): number {
  return slots.reduce((sum, slot) => sum + slot[field], 0) / slots.length;
}

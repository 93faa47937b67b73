import { describe, expect, it } from "vitest";
import { type LayerEdge, type LayerNode, layOut } from "./layered";

const SIZE = { nodeWidth: 100, columnGap: 50, rowGap: 10 };

function nodesOf(...ids: string[]): LayerNode[] {
  return ids.map((id) => ({ id, height: 40 }));
}

function edgesOf(...pairs: string[]): LayerEdge[] {
  return pairs.map((pair) => {
    const [from = "", to = ""] = pair.split(">");
    return { from, to };
  });
}

/** Deterministic, so that a failure can be seen again. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomGraph(seed: number, nodeCount: number, isAcyclic: boolean) {
  const random = makeRandom(seed);
  const nodes = Array.from({ length: nodeCount }, (_, i) => ({
    id: `n${i}`,
    height: 20 + Math.floor(random() * 60),
  }));
  const edges = Array.from({ length: nodeCount * 2 }, () => {
    const [a, b] = [Math.floor(random() * nodeCount), Math.floor(random() * nodeCount)];
    const [from, to] = isAcyclic ? [Math.min(a, b), Math.max(a, b)] : [a, b];
    return { from: `n${from}`, to: `n${to}` };
  });
  return { nodes, edges };
}

describe("a layered graph", () => {
  it("puts a chain into a row of columns", () => {
    const { columns, places } = layOut(nodesOf("c", "a", "b"), edgesOf("a>b", "b>c"), SIZE);
    expect(columns).toEqual([["a"], ["b"], ["c"]]);
    expect(new Set([...places.values()].map(({ y }) => y)).size).toBe(1);
  });

  it("puts a late input beside what it leads to, not at the far left", () => {
    const { columns } = layOut(
      nodesOf("a", "b", "c", "late"),
      edgesOf("a>b", "b>c", "late>c"),
      SIZE,
    );
    expect(columns).toEqual([["a"], ["b", "late"], ["c"]]);
  });

  it("uncrosses what can be uncrossed", () => {
    const { columns } = layOut(
      nodesOf("a", "b", "c", "x", "y", "z"),
      edgesOf("a>z", "b>y", "c>x"),
      SIZE,
    );
    const [left = [], right = []] = columns;
    const partners: Record<string, string> = { a: "z", b: "y", c: "x" };
    expect(left.map((id) => partners[id])).toEqual(right);
  });

  it.each(Array.from({ length: 25 }, (_, seed) => seed))(
    "leads every edge to the right and keeps nodes apart (graph %d)",
    (seed) => {
      const { nodes, edges } = randomGraph(seed, 4 + seed * 3, true);
      const { places, columns } = layOut(nodes, edges, SIZE);
      expect(columns.flat().sort()).toEqual(nodes.map(({ id }) => id).sort());
      for (const { from, to } of edges) {
        if (from !== to) expect(places.get(to)?.x).toBeGreaterThan(places.get(from)?.x ?? 0);
      }
      const heightOf = new Map(nodes.map(({ id, height }) => [id, height]));
      for (const column of columns) {
        for (let i = 1; i < column.length; i++) {
          const [above = "", below = ""] = [column[i - 1], column[i]];
          const end = (places.get(above)?.y ?? 0) + (heightOf.get(above) ?? 0);
          expect(places.get(below)?.y).toBeGreaterThanOrEqual(end + SIZE.rowGap - 1e-6);
        }
      }
    },
  );

  it.each(Array.from({ length: 10 }, (_, seed) => seed))(
    "places every node once also with cycles, and routes every edge from end to end (graph %d)",
    (seed) => {
      const { nodes, edges } = randomGraph(seed + 100, 12, false);
      const { places, columns, routes, width, height } = layOut(nodes, edges, SIZE);
      expect(columns.flat().sort()).toEqual(nodes.map(({ id }) => id).sort());
      for (const [index, { from, to }] of edges.entries()) {
        const route = routes[index] ?? [];
        if (from === to) {
          expect(route).toEqual([]);
          continue;
        }
        const [a, b] = [places.get(from), places.get(to)];
        expect([a?.x, (a?.x ?? 0) + SIZE.nodeWidth]).toContain(route[0]?.x);
        expect([b?.x, (b?.x ?? 0) + SIZE.nodeWidth]).toContain(route.at(-1)?.x);
      }
      for (const { x, y } of places.values()) {
        expect(x).toBeLessThan(width);
        expect(y).toBeLessThan(height);
        expect(y).toBeGreaterThanOrEqual(-1e-6);
      }
    },
  );

  it("has nothing to place where there is nothing", () => {
    expect(layOut([], [], SIZE)).toMatchObject({ columns: [], width: 0, height: 0 });
  });

  it("does not fill the stack with a chain of 5,000", () => {
    const ids = Array.from({ length: 5_000 }, (_, i) => `n${i}`);
    const edges = ids.slice(1).map((to, i) => ({ from: ids[i] as string, to }));
    expect(layOut(nodesOf(...ids), edges, SIZE).columns).toHaveLength(5_000);
  });
});

// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FrameStore } from "./frameStore";
import { LIVE_INTERVAL_MS, SeriesLoader, type SeriesQuery, type SeriesView } from "./seriesLoader";
import { encodeFrame, streamOf } from "./testing/encodeFrame";

const view: SeriesView = {
  runs: ["a", "b"],
  stream: "history",
  x: { axis: "step" },
  range: null,
  y: "linear",
};

function answer(query: SeriesQuery): ReadableStream<Uint8Array> {
  const series = Object.fromEntries(query.runs.map((run) => [run, [1, 2]]));
  return streamOf(
    ...query.panels.map(({ id, key }, panelIndex) =>
      encodeFrame({ panelIndex, grid: [0, 1], series, meta: { panel: id, key } }),
    ),
  );
}

function start(
  respond: (query: SeriesQuery) => ReadableStream<Uint8Array> | Promise<never> = answer,
) {
  const queries: SeriesQuery[] = [];
  const signals: AbortSignal[] = [];
  const store = new FrameStore();
  const loader = new SeriesLoader(store, async (query, signal) => {
    queries.push(query);
    signals.push(signal);
    return respond(query);
  });
  loader.setView(view);
  const keys = (at: number) => queries[at]?.panels.map((panel) => panel.key);
  const show = (key: string) => loader.show({ id: key, key, px: 300 });
  return { store, loader, queries, signals, keys, show };
}

const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the series loader", () => {
  it("asks for all panels on screen in one request", async () => {
    const { store, queries, keys, show } = start();
    show("loss");
    show("acc");
    await settle();
    expect(queries).toHaveLength(1);
    expect(keys(0)).toEqual(["loss", "acc"]);
    expect(store.get("acc")?.frame?.meta.key).toBe("acc");
  });

  it("asks only for what is missing when more panels scroll in", async () => {
    const { keys, show } = start();
    show("loss");
    await settle();
    show("acc");
    await settle();
    expect(keys(1)).toEqual(["acc"]);
  });

  it("does not ask for panels that left before their turn", async () => {
    const { queries, show } = start();
    show("loss")();
    await settle();
    expect(queries).toHaveLength(0);
  });

  it("asks nothing when a run is hidden, and again when a new one is shown", async () => {
    const { loader, queries, show } = start();
    show("loss");
    await settle();
    loader.setView({ ...view, runs: ["a"] });
    await settle();
    expect(queries).toHaveLength(1);
    loader.setView({ ...view, runs: ["a", "c"] });
    await settle();
    expect(queries[1]?.runs).toEqual(["a", "c"]);
  });

  it("aborts what is under way when the range changes and asks with the new one", async () => {
    const { loader, queries, signals, show } = start(() => new ReadableStream());
    show("loss");
    await settle();
    loader.setView({ ...view, range: [5, 9] });
    await settle();
    expect(signals[0]?.aborted).toBe(true);
    expect(queries[1]?.panels[0]?.range).toEqual([5, 9]);
  });

  it("reads again on live events, at most once a second, and misses none", async () => {
    const { loader, queries, show } = start();
    show("loss");
    await settle();
    for (let i = 0; i < 20; i++) {
      loader.refresh();
      await settle(100);
    }
    const during = queries.length;
    expect(during).toBeGreaterThanOrEqual(3);
    expect(during).toBeLessThanOrEqual(4);
    await settle(LIVE_INTERVAL_MS * 3);
    expect(queries.length - during).toBeLessThanOrEqual(1);
    const rest = queries.length;
    await settle(LIVE_INTERVAL_MS * 5);
    expect(queries).toHaveLength(rest);
  });

  it("never reloads while the last reload is under way", async () => {
    const { loader, queries, show } = start(() => new ReadableStream());
    show("loss");
    await settle();
    loader.refresh();
    await settle(5_000);
    expect(queries).toHaveLength(1);
  });

  it("keeps the old frame when the server is away, tries again by itself, and recovers", async () => {
    let isAway = false;
    const { store, loader, show } = start((query) =>
      isAway ? Promise.reject(new Error("no answer")) : answer(query),
    );
    show("loss");
    await settle();
    isAway = true;
    await settle(LIVE_INTERVAL_MS);
    loader.refresh();
    await settle(1_500);
    expect(store.get("loss")?.error).toBe("no answer");
    expect(store.get("loss")?.frame).not.toBeNull();
    isAway = false;
    await settle(10_000);
    expect(store.get("loss")?.error).toBeNull();
  });

  it("says which charts a cut stream left out and keeps those that came", async () => {
    const { store, show } = start((query) =>
      answer({ ...query, panels: query.panels.slice(0, 1) }),
    );
    show("loss");
    show("acc");
    await settle();
    expect(store.get("loss")?.frame).not.toBeNull();
    expect(store.get("acc")?.error).toMatch(/left out 1/);
  });

  it("asks for more buckets when a panel is wider, and stops when disposed", async () => {
    const { loader, queries, show } = start();
    show("loss");
    await settle();
    loader.show({ id: "loss", key: "loss", px: 1200 });
    await settle(LIVE_INTERVAL_MS);
    expect(queries[1]?.panels[0]?.px).toBe(1200);
    loader.dispose();
    show("acc");
    await settle();
    expect(queries).toHaveLength(2);
  });
});

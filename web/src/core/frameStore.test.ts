// @vitest-environment node
import { describe, expect, it, vi } from "vitest";
import type { Frame } from "./frame";
import { FrameStore, IDLE_FRAMES_MAX } from "./frameStore";

function frameOf(text: string): Frame {
  return {
    panelIndex: 0,
    exact: true,
    approximate: false,
    grid: new Float64Array(),
    line: new Float64Array(),
    lo: null,
    hi: null,
    meta: {
      panel: text,
      key: text,
      stream: "history",
      x: { axis: "step" },
      grid: { kind: "values", n: 0 },
      y0: 0,
      y1: 0,
      dtype: "f64",
      series: [],
      envelope: false,
      nonfinite: [],
      warnings: [],
    },
  };
}

describe("the frame store", () => {
  it("takes the newest answer when an older one arrives late", () => {
    const store = new FrameStore();
    const first = store.begin("loss", ["a"], "q1");
    const second = store.begin("loss", ["a", "b"], "q2");
    expect(store.put(second, frameOf("new"))).toBe(true);
    expect(store.put(first, frameOf("old"))).toBe(false);
    expect(store.get("loss")?.frame?.meta.panel).toBe("new");
    expect([...(store.get("loss")?.runs ?? [])]).toEqual(["a", "b"]);
  });

  it("shows an older answer until the newer one is there", () => {
    const store = new FrameStore();
    const first = store.begin("loss", [], "q1");
    store.begin("loss", [], "q2");
    expect(store.put(first, frameOf("first"))).toBe(true);
  });

  it("keeps the old frame when a refresh fails and forgets the error afterwards", () => {
    const store = new FrameStore();
    store.put(store.begin("loss", ["a"], "q"), frameOf("good"));
    store.fail(store.begin("loss", ["a"], "q"), "server is away");
    expect(store.get("loss")?.frame?.meta.panel).toBe("good");
    expect(store.get("loss")?.error).toBe("server is away");
    store.put(store.begin("loss", ["a"], "q"), frameOf("again"));
    expect(store.get("loss")?.error).toBeNull();
  });

  it("tells only the listeners of that panel", () => {
    const store = new FrameStore();
    const [loss, acc] = [vi.fn(), vi.fn()];
    store.subscribe("loss", loss);
    const leave = store.subscribe("acc", acc);
    store.put(store.begin("loss", [], "q"), frameOf("x"));
    expect(loss).toHaveBeenCalledTimes(1);
    expect(acc).not.toHaveBeenCalled();
    leave();
    store.put(store.begin("acc", [], "q"), frameOf("x"));
    expect(acc).not.toHaveBeenCalled();
  });

  it("forgets idle frames beyond its bound, never one that is shown", () => {
    const store = new FrameStore();
    store.subscribe("shown", () => undefined);
    store.put(store.begin("shown", [], "q"), frameOf("shown"));
    for (let i = 0; i < IDLE_FRAMES_MAX + 30; i++) {
      store.put(store.begin(`p${i}`, [], "q"), frameOf(`p${i}`));
    }
    expect(store.size).toBeLessThanOrEqual(IDLE_FRAMES_MAX + 1);
    expect(store.get("shown")).not.toBeNull();
    expect(store.get("p0")).toBeNull();
  });
});

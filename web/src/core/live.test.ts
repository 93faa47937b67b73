// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectLive, type EventStream, type LiveEvent, parseLiveEvent } from "./live";

class ScriptedStream implements EventStream {
  readyState = 0;
  closed = false;
  #listeners = new Map<string, ((event: MessageEvent | Event) => void)[]>();

  addEventListener(type: string, listener: (event: MessageEvent | Event) => void) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  close() {
    this.closed = true;
  }
  emit(type: string, data?: string) {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data } as MessageEvent);
  }
}

class ScriptedPage extends EventTarget {
  visibilityState: DocumentVisibilityState = "visible";
  show(state: DocumentVisibilityState) {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

function follow(page = new ScriptedPage()) {
  const streams: ScriptedStream[] = [];
  const events: LiveEvent[] = [];
  const statuses: string[] = [];
  const stop = connectLive({
    url: "/live",
    onEvent: (event) => events.push(event),
    onStatus: (status) => statuses.push(status),
    openStream: () => {
      const stream = new ScriptedStream();
      streams.push(stream);
      return stream;
    },
    page,
  });
  return { page, streams, events, statuses, stop };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the live connection", () => {
  it("passes on the names of the runs that changed", () => {
    const { streams, events } = follow();
    streams[0]?.emit("open");
    streams[0]?.emit("runs", '{"runs":["a","b"],"cursor":5}');
    expect(events).toEqual([{ runs: ["a", "b"] }]);
  });

  it("reconnects with a growing pause and then asks for everything", () => {
    const { streams, events, statuses } = follow();
    streams[0]?.emit("open");
    streams[0]?.emit("error");
    vi.advanceTimersByTime(999);
    expect(streams).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(streams).toHaveLength(2);
    streams[1]?.emit("error");
    vi.advanceTimersByTime(1_999);
    expect(streams).toHaveLength(2);
    vi.advanceTimersByTime(1);
    streams[2]?.emit("open");
    expect(events).toEqual([{ runs: null }]);
    expect(statuses.at(-1)).toBe("live");
  });

  it("that came to life only after errors asks for everything too", () => {
    const { streams, events } = follow();
    streams[0]?.emit("error");
    vi.advanceTimersByTime(1_000);
    streams[1]?.emit("open");
    expect(events).toEqual([{ runs: null }]);
  });

  it("is closed while the tab is hidden and catches up when it is shown", () => {
    const { page, streams, events, statuses } = follow();
    streams[0]?.emit("open");
    page.show("hidden");
    expect(streams[0]?.closed).toBe(true);
    expect(statuses.at(-1)).toBe("paused");
    page.show("visible");
    streams[1]?.emit("open");
    expect(events).toEqual([{ runs: null }]);
  });

  it("opens nothing in a tab that starts hidden", () => {
    const page = new ScriptedPage();
    page.visibilityState = "hidden";
    expect(follow(page).streams).toHaveLength(0);
  });

  it("ends for good when stopped", () => {
    const { page, streams, stop } = follow();
    stop();
    page.show("visible");
    vi.advanceTimersByTime(60_000);
    expect(streams).toHaveLength(1);
    expect(streams[0]?.closed).toBe(true);
  });
});

it("reads a torn message as 'anything may have changed'", () => {
  expect(parseLiveEvent("{")).toEqual({ runs: null });
  expect(parseLiveEvent('{"runs":["a",3]}')).toEqual({ runs: ["a"] });
});

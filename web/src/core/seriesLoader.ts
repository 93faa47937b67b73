/**
 * Keeps the frames of the panels on screen fresh.
 *
 * Panels say that they are shown; the loader asks for all that need an answer in one streamed request, visible first.
 * A change of runs, axis or range aborts what is under way; live events reload at most once a second and never before
 * the last reload ended. Nothing here knows React or the DOM.
 */

import { readFrames, type XAxis } from "./frame";
import type { FrameStore, Ticket } from "./frameStore";

export type SeriesStream = "history" | "system";

export interface SeriesView {
  runs: readonly string[];
  stream: SeriesStream;
  x: { axis: XAxis; key?: string };
  range: readonly [number, number] | null;
  /** On a log axis 16-bit levels must be even in log(y), or small values become steps. */
  y: "linear" | "log";
}

export interface WantedPanel {
  id: string;
  key: string;
  /** Width of the plot in CSS pixels; the server sends at most two buckets for each. */
  px: number;
}

export interface SeriesQuery {
  runs: readonly string[];
  top: number;
  stream: SeriesStream;
  x: { axis: XAxis; key?: string };
  panels: (WantedPanel & Pick<SeriesView, "range" | "y">)[];
}

export type RequestSeries = (
  query: SeriesQuery,
  signal: AbortSignal,
) => Promise<ReadableStream<Uint8Array>>;

export const LIVE_INTERVAL_MS = 1_000;
/** Lets panels that are mounted together travel together. */
const GATHER_MS = 20;
const RETRY_FIRST_MS = 3_000;
const RETRY_MAX_MS = 60_000;
/** Steps of the requested width, so that a resize by some pixels is answered from memory. */
const PX_STEP = 80;

interface PanelState extends WantedPanel {
  holders: number;
  /** Live generation of the last answer; older than the current one = stale. */
  generation: number;
  failed: boolean;
}

interface Flight {
  query: string;
  panels: ReadonlySet<string>;
  runs: ReadonlySet<string>;
  abort: AbortController;
}

export class SeriesLoader {
  #view: SeriesView = {
    runs: [],
    stream: "history",
    x: { axis: "step" },
    range: null,
    y: "linear",
  };
  #query = "";
  #panels = new Map<string, PanelState>();
  #flights = new Set<Flight>();
  #generation = 0;
  #lastLiveMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #retryMs = RETRY_FIRST_MS;
  #isDisposed = false;

  constructor(
    private readonly store: FrameStore,
    private readonly request: RequestSeries,
  ) {}

  setView(view: SeriesView): void {
    this.#isDisposed = false;
    this.#view = view;
    this.#query = JSON.stringify([view.stream, view.x, view.range, view.y]);
    for (const flight of this.#flights) {
      if (flight.query !== this.#query) flight.abort.abort();
    }
    this.#wake(GATHER_MS);
  }

  /** The panel is on screen until the returned function is called. */
  show(panel: WantedPanel): () => void {
    const px = Math.ceil(panel.px / PX_STEP) * PX_STEP;
    const state = this.#panels.get(panel.id);
    if (state === undefined) {
      this.#panels.set(panel.id, { ...panel, px, holders: 1, generation: 0, failed: false });
    } else {
      if (px > state.px) state.generation = -1;
      state.px = Math.max(px, state.px);
      state.holders += 1;
    }
    this.#wake(GATHER_MS);
    let isHeld = true;
    return () => {
      const held = this.#panels.get(panel.id);
      if (isHeld && held !== undefined) held.holders -= 1;
      isHeld = false;
    };
  }

  /** Something changed on the server. Cheap to call often. */
  refresh(): void {
    this.#generation += 1;
    this.#wake(Math.max(GATHER_MS, this.#lastLiveMs + LIVE_INTERVAL_MS - Date.now()));
  }

  retry(id: string): void {
    const panel = this.#panels.get(id);
    if (panel !== undefined) {
      panel.failed = false;
      panel.generation = -1;
    }
    this.#wake(0);
  }

  dispose(): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    for (const flight of this.#flights) flight.abort.abort();
  }

  #wake(delayMs: number): void {
    const dueMs = Date.now() + delayMs;
    if (this.#isDisposed || dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timerDueMs = Number.POSITIVE_INFINITY;
      this.#send();
    }, delayMs);
  }

  #send(): void {
    if (this.#isDisposed || this.#view.runs.length === 0) return;
    const urgent: PanelState[] = [];
    const stale: PanelState[] = [];
    for (const panel of this.#panels.values()) {
      if (panel.holders === 0 || panel.failed || this.#isUnderWay(panel.id)) continue;
      if (!this.#hasAnswer(panel.id)) urgent.push(panel);
      else if (panel.generation < this.#generation) stale.push(panel);
    }
    const waitMs = this.#lastLiveMs + LIVE_INTERVAL_MS - Date.now();
    const mayReload = stale.length > 0 && this.#flights.size === 0 && waitMs <= 0;
    if (stale.length > 0 && !mayReload && this.#flights.size === 0) this.#wake(waitMs);
    if (mayReload) this.#lastLiveMs = Date.now();
    const panels = mayReload ? [...urgent, ...stale] : urgent;
    if (panels.length > 0) void this.#fly(panels);
  }

  #hasAnswer(id: string): boolean {
    const entry = this.store.get(id);
    if (entry === null || entry.frame === null || entry.query !== this.#query) return false;
    return this.#view.runs.every((run) => entry.runs.has(run));
  }

  #isUnderWay(id: string): boolean {
    for (const flight of this.#flights) {
      if (flight.query !== this.#query || !flight.panels.has(id)) continue;
      if (this.#view.runs.every((run) => flight.runs.has(run))) return true;
    }
    return false;
  }

  async #fly(panels: PanelState[]): Promise<void> {
    const view = this.#view;
    const generation = this.#generation;
    const flight: Flight = {
      query: this.#query,
      panels: new Set(panels.map((panel) => panel.id)),
      runs: new Set(view.runs),
      abort: new AbortController(),
    };
    const open = new Map<number, Ticket>(
      panels.map((panel, index) => [index, this.store.begin(panel.id, view.runs, flight.query)]),
    );
    this.#flights.add(flight);
    try {
      const body = await this.request(toQuery(view, panels), flight.abort.signal);
      for await (const frame of readFrames(body)) {
        const ticket = open.get(frame.panelIndex);
        const panel = panels[frame.panelIndex];
        if (ticket === undefined || panel === undefined) continue;
        open.delete(frame.panelIndex);
        panel.generation = generation;
        this.store.put(ticket, frame);
      }
      if (open.size > 0) throw new Error(`the server left out ${open.size} charts`);
      this.#retryMs = RETRY_FIRST_MS;
    } catch (error) {
      if (!flight.abort.signal.aborted) this.#noteFailure(panels, open, error);
    } finally {
      this.#flights.delete(flight);
      this.#wake(0);
    }
  }

  #noteFailure(panels: PanelState[], open: Map<number, Ticket>, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const failed = [...open.keys()].map((index) => panels[index] as PanelState);
    for (const panel of failed) panel.failed = true;
    for (const ticket of open.values()) this.store.fail(ticket, text);
    setTimeout(() => {
      for (const panel of failed) {
        panel.failed = false;
        panel.generation = -1;
      }
      this.#wake(0);
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }
}

function toQuery(view: SeriesView, panels: readonly PanelState[]): SeriesQuery {
  return {
    runs: view.runs,
    top: view.runs.length,
    stream: view.stream,
    x: view.x,
    panels: panels.map(({ id, key, px }) => ({ id, key, px, range: view.range, y: view.y })),
  };
}

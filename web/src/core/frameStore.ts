/**
 * Series frames, held outside React and keyed by panel.
 *
 * A request is announced with `begin`; its frame is taken only while no newer request for that key has delivered, so
 * a slow old answer never replaces a newer one. Charts subscribe to one key and redraw without a React render.
 */

import type { Frame } from "./frame";

/** Frames kept for panels nobody shows at the moment, so that scrolling back paints before the network answers. */
export const IDLE_FRAMES_MAX = 120;

export interface FrameEntry {
  frame: Frame | null;
  /** What the last request that failed said, or null; cleared by the next frame. */
  error: string | null;
  /** Runs the frame was asked for: a run in here without a series has no such metric. */
  runs: ReadonlySet<string>;
  /** Free text naming the query the frame answers (axis, range, stream): other text means "stale". */
  query: string;
}

export interface Ticket {
  readonly key: string;
  readonly order: number;
  readonly runs: ReadonlySet<string>;
  readonly query: string;
}

type Listener = () => void;

export class FrameStore {
  #entries = new Map<string, FrameEntry>();
  #delivered = new Map<string, number>();
  #listeners = new Map<string, Set<Listener>>();
  #order = 0;

  begin(key: string, runs: readonly string[], query: string): Ticket {
    this.#order += 1;
    return { key, order: this.#order, runs: new Set(runs), query };
  }

  /** Stores the frame and tells the listeners; false when a newer request was faster. */
  put(ticket: Ticket, frame: Frame): boolean {
    return this.#deliver(ticket, {
      frame,
      error: frame.meta.error ?? null,
      runs: ticket.runs,
      query: ticket.query,
    });
  }

  /** Notes that the request failed. The old frame stays: old data is better than none. */
  fail(ticket: Ticket, error: string): boolean {
    const old = this.#entries.get(ticket.key);
    return this.#deliver(ticket, {
      frame: old?.frame ?? null,
      error,
      runs: old?.runs ?? new Set(),
      query: old?.query ?? "",
    });
  }

  get(key: string): FrameEntry | null {
    return this.#entries.get(key) ?? null;
  }

  subscribe(key: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(key, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners)
        this.#listeners.delete(key);
    };
  }

  get size(): number {
    return this.#entries.size;
  }

  #deliver(ticket: Ticket, entry: FrameEntry): boolean {
    if ((this.#delivered.get(ticket.key) ?? 0) > ticket.order) return false;
    this.#delivered.set(ticket.key, ticket.order);
    this.#entries.delete(ticket.key);
    this.#entries.set(ticket.key, entry);
    this.#dropIdle();
    for (const listener of this.#listeners.get(ticket.key) ?? []) listener();
    return true;
  }

  /** Forgets the frames longest unchanged among those without a listener. `#delivered` stays: it is two numbers. */
  #dropIdle(): void {
    let surplus = this.#entries.size - this.#listeners.size - IDLE_FRAMES_MAX;
    if (surplus <= 0) return;
    for (const key of this.#entries.keys()) {
      if (surplus <= 0) return;
      if (this.#listeners.has(key)) continue;
      this.#entries.delete(key);
      surplus -= 1;
    }
  }
}

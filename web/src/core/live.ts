/**
 * Server-sent "runs" events of a project or a run.
 *
 * A hidden tab holds no connection; when it is shown again, listeners get one event with `runs: null` ("anything may
 * have changed"). The same event comes after every reconnect, because events were missed in between.
 */

import { useEffect, useRef, useState } from "react";

export type LiveStatus = "connecting" | "live" | "reconnecting" | "paused";

export interface LiveEvent {
  /** Names of the runs that changed; null = unknown, read everything shown. */
  runs: readonly string[] | null;
}

export const RETRY_FIRST_MS = 1_000;
export const RETRY_MAX_MS = 10_000;

/** What `connectLive` needs from an EventSource; tests bring their own. */
export interface EventStream {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: MessageEvent | Event) => void): void;
  close(): void;
}

export interface LiveOptions {
  url: string;
  onEvent: (event: LiveEvent) => void;
  onStatus: (status: LiveStatus) => void;
  openStream?: (url: string) => EventStream;
  page?: Pick<Document, "visibilityState" | "addEventListener" | "removeEventListener">;
}

/** Opens the stream and keeps it open. Returns a function that ends it. */
export function connectLive({
  url,
  onEvent,
  onStatus,
  openStream = (address) => new EventSource(address, { withCredentials: true }),
  page = document,
}: LiveOptions): () => void {
  let stream: EventStream | null = null;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = RETRY_FIRST_MS;
  let hasMissedEvents = false;

  const disconnect = () => {
    clearTimeout(retryTimer);
    stream?.close();
    stream = null;
  };

  const connect = () => {
    disconnect();
    onStatus(hasMissedEvents ? "reconnecting" : "connecting");
    const opened = openStream(url);
    stream = opened;
    opened.addEventListener("open", () => {
      if (stream !== opened) return;
      retryMs = RETRY_FIRST_MS;
      onStatus("live");
      if (hasMissedEvents) onEvent({ runs: null });
      hasMissedEvents = true;
    });
    opened.addEventListener("runs", (event) => {
      if (stream === opened) onEvent(parseLiveEvent((event as MessageEvent).data));
    });
    // The browser retries by itself after a cut, but not after an HTTP error; doing it here gives one back-off.
    opened.addEventListener("error", () => {
      if (stream !== opened) return;
      disconnect();
      hasMissedEvents = true;
      onStatus("reconnecting");
      retryTimer = setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    });
  };

  const followVisibility = () => {
    if (page.visibilityState === "hidden") {
      disconnect();
      onStatus("paused");
    } else if (stream === null) {
      retryMs = RETRY_FIRST_MS;
      connect();
    }
  };

  page.addEventListener("visibilitychange", followVisibility);
  followVisibility();
  return () => {
    page.removeEventListener("visibilitychange", followVisibility);
    disconnect();
  };
}

/** A message that cannot be read still says that something changed. */
export function parseLiveEvent(text: unknown): LiveEvent {
  try {
    const body: unknown = JSON.parse(String(text));
    const runs = (body as { runs?: unknown } | null)?.runs;
    if (Array.isArray(runs)) return { runs: runs.filter((run) => typeof run === "string") };
  } catch {
    // Falls through to "anything may have changed".
  }
  return { runs: null };
}

/** Follows `url` while mounted; null pauses. `onEvent` may change between renders without a reconnect. */
export function useLive(url: string | null, onEvent: (event: LiveEvent) => void): LiveStatus {
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const latest = useRef(onEvent);
  useEffect(() => {
    latest.current = onEvent;
  });
  useEffect(() => {
    if (url === null || typeof EventSource === "undefined") return;
    return connectLive({ url, onEvent: (event) => latest.current(event), onStatus: setStatus });
  }, [url]);
  return url === null ? "paused" : status;
}

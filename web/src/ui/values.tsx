/** Small pieces of text with the exact value behind them. */

import { useEffect, useState } from "react";
import { formatAgo, formatBytes, formatDuration, formatNumber, formatTime } from "./format";

const TICK_MS = 15_000;

/** The time now, renewed often enough for "2 min ago". */
export function useNowMs(everyMs = TICK_MS): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}

export function TimeAgo({ us }: { us: number | null | undefined }) {
  const nowMs = useNowMs();
  if (us === null || us === undefined) return <span>–</span>;
  return (
    <time dateTime={new Date(us / 1000).toISOString()} title={formatTime(us)}>
      {formatAgo(us, nowMs)}
    </time>
  );
}

export function Duration({ seconds }: { seconds: number }) {
  return <span title={`${formatNumber(seconds)} s`}>{formatDuration(seconds)}</span>;
}

/** The duration of a run that still goes on, counted from its creation. */
export function RunningDuration({ sinceUs }: { sinceUs: number }) {
  const nowMs = useNowMs(1000);
  return <span>{formatDuration(Math.max(0, nowMs / 1000 - sinceUs / 1e6))}</span>;
}

export function Bytes({ value }: { value: number }) {
  return <span title={`${value.toLocaleString("en-US")} bytes`}>{formatBytes(value)}</span>;
}

export function Num({ value }: { value: number }) {
  return <span title={String(value)}>{formatNumber(value)}</span>;
}

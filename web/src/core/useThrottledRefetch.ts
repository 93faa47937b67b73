import { useCallback, useEffect, useRef } from "react";

const INTERVAL_PER_PAGE_MS = 1_000;

/**
 * A function that reads the list again, at once if it was quiet and else when its turn comes.
 *
 * Every loaded page is one request, so a long list is read less often.
 */
export function useThrottledRefetch(refetch: () => unknown, pageCount: number): () => void {
  const lastMs = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const latest = useRef({ refetch, pageCount });
  useEffect(() => {
    latest.current = { refetch, pageCount };
  });
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
    },
    [],
  );
  return useCallback(() => {
    if (timer.current !== null) return;
    const intervalMs = latest.current.pageCount * INTERVAL_PER_PAGE_MS;
    const waitMs = Math.max(0, lastMs.current + intervalMs - Date.now());
    timer.current = setTimeout(() => {
      timer.current = null;
      lastMs.current = Date.now();
      latest.current.refetch();
    }, waitMs);
  }, []);
}

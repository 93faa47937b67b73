/** View state in the URL, as a hook: changes show at once and reach the address bar when they rest. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { readUrl, type Schema, writeUrl } from "./urlState";

/** A slider or a search field writes the URL once it rests: browsers limit how often it may change. */
export const URL_DELAY_MS = 200;

export interface UrlStateHandle<S> {
  state: S;
  change: (patch: Partial<S>) => void;
  /** Parameters in the URL that could not be used. */
  ignored: readonly string[];
}

export function useUrlState<S>(schema: Schema<S>): UrlStateHandle<S> {
  const [search, setSearch] = useSearchParams();
  const [pending, setPending] = useState<Partial<S>>({});
  const read = useMemo(() => readUrl(schema, search), [schema, search]);
  const latest = useRef({ search, setSearch });
  useEffect(() => {
    latest.current = { search, setSearch };
  });

  useEffect(() => {
    if (Object.keys(pending).length === 0) return;
    const timer = setTimeout(() => {
      const next = writeUrl(schema, latest.current.search, pending);
      latest.current.setSearch(next, { replace: true, preventScrollReset: true });
      setPending({});
    }, URL_DELAY_MS);
    return () => clearTimeout(timer);
  }, [schema, pending]);

  const state = useMemo(() => ({ ...read.state, ...pending }), [read, pending]);
  const change = useCallback(
    (patch: Partial<S>) => setPending((old) => ({ ...old, ...patch })),
    [],
  );
  return { state, change, ignored: read.ignored };
}

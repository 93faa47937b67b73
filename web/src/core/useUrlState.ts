/** View state in the URL, as a hook: changes show at once and reach the address bar when they rest. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";
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
  const [search] = useSearchParams();
  const { hash, key } = useLocation();
  const navigate = useNavigate();
  const [pending, setPending] = useState<Partial<S>>({});
  const read = useMemo(() => readUrl(schema, search), [schema, search]);
  const latest = useRef({ search, hash, key, navigate });
  useEffect(() => {
    latest.current = { search, hash, key, navigate };
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a write that waited for an address tries again with it
  useEffect(() => {
    if (Object.keys(pending).length === 0) return;
    const timer = setTimeout(() => {
      const { search: old, hash, key: shownKey, navigate } = latest.current;
      if (isAhead(shownKey)) return;
      const next = writeUrl(schema, old, pending);
      if (next.toString() === old.toString()) setPending({});
      else navigate({ search: next.toString(), hash }, { replace: true, preventScrollReset: true });
    }, URL_DELAY_MS);
    return () => clearTimeout(timer);
  }, [schema, pending, key]);
  // The router takes over a new address some renders later; until then the change must not be let go.
  useEffect(() => setPending((old) => dropWritten(schema, old, read.state)), [schema, read]);

  const previous = useRef(read.state);
  const state = useMemo(
    () => shareValues(schema, previous.current, { ...read.state, ...pending }),
    [schema, read, pending],
  );
  useEffect(() => {
    previous.current = state;
  }, [state]);
  const change = useCallback(
    (patch: Partial<S>) => setPending((old) => ({ ...old, ...patch })),
    [],
  );
  return { state, change, ignored: read.ignored };
}

/**
 * Whether the address bar already shows another page than the one on screen: it is shown once its chunk is loaded, and
 * a write of this page would lead back from it.
 */
function isAhead(shownKey: string): boolean {
  const state: unknown = history.state;
  if (typeof state !== "object" || state === null || !("key" in state)) return false;
  return typeof state.key === "string" && state.key !== shownKey;
}

/** Takes over the old object of every value that means the same, so that what depends on it stays as it is. */
function shareValues<S>(schema: Schema<S>, old: S, next: S): S {
  const shared = { ...next };
  for (const name of Object.keys(schema) as (keyof S & string)[]) {
    if (isSame(schema, name, old[name], next)) shared[name] = old[name];
  }
  return shared;
}

/** The changes that the address does not hold yet. */
function dropWritten<S>(schema: Schema<S>, pending: Partial<S>, written: S): Partial<S> {
  const names = Object.keys(pending) as (keyof S & string)[];
  const open = names.filter(
    (name) => !isSame(schema, name, pending[name] as S[typeof name], written),
  );
  if (open.length === names.length) return pending;
  return Object.fromEntries(open.map((name) => [name, pending[name]])) as Partial<S>;
}

function isSame<S, K extends keyof S>(schema: Schema<S>, name: K, value: S[K], state: S): boolean {
  const { write } = schema[name];
  return write(value).join("\n") === write(state[name]).join("\n");
}

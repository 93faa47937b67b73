/**
 * View state that lives in the search part of the URL.
 *
 * A schema names each parameter once, with how it is read and written. Reading never fails: a value that does not fit
 * is reported by name and replaced by the default. Writing touches the named parameters only; unknown ones are kept.
 */

export interface Param<T> {
  initial: T;
  /** undefined = the text does not fit. */
  read(texts: readonly string[]): T | undefined;
  write(value: T): readonly string[];
}

export type Schema<S> = { readonly [K in keyof S]: Param<S[K]> };

export interface UrlState<S> {
  state: S;
  /** Parameters that are in the URL but could not be used, as `name=value`. */
  ignored: string[];
}

export function readUrl<S>(schema: Schema<S>, search: URLSearchParams): UrlState<S> {
  const state = {} as S;
  const ignored: string[] = [];
  for (const name of Object.keys(schema) as (keyof S & string)[]) {
    const param = schema[name];
    const texts = search.getAll(name);
    const value = texts.length === 0 ? param.initial : param.read(texts);
    if (value === undefined) ignored.push(`${name}=${texts.join(",")}`);
    state[name] = value === undefined ? param.initial : value;
  }
  return { state, ignored };
}

/** A copy of `search` with `patch` applied; parameters at their default are left out to keep links short. */
export function writeUrl<S>(
  schema: Schema<S>,
  search: URLSearchParams,
  patch: Partial<S>,
): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const name of Object.keys(patch) as (keyof S & string)[]) {
    const param = schema[name];
    const value = patch[name] as S[typeof name];
    next.delete(name);
    const texts = param.write(value);
    if (sameTexts(texts, param.write(param.initial))) continue;
    for (const text of texts) next.append(name, text);
  }
  return next;
}

export function textParam(lengthMax = 400): Param<string> {
  return {
    initial: "",
    read: ([text = ""]) => (text.length <= lengthMax ? text : undefined),
    write: (value) => [value],
  };
}

export function choiceParam<T extends string>(choices: readonly [T, ...T[]]): Param<T> {
  return {
    initial: choices[0],
    read: ([text]) => choices.find((choice) => choice === text),
    write: (value) => [value],
  };
}

export function numberParam(initial: number, min: number, max: number): Param<number> {
  return {
    initial,
    read: ([text = ""]) => {
      const value = Number(text);
      return text.trim() !== "" && value >= min && value <= max ? value : undefined;
    },
    write: (value) => [String(value)],
  };
}

export function countParam(initial: number, max: number): Param<number> {
  const base = numberParam(initial, 0, max);
  return {
    ...base,
    read: (texts) => {
      const value = base.read(texts);
      return value !== undefined && Number.isInteger(value) ? value : undefined;
    },
  };
}

export function switchParam(initial: boolean): Param<boolean> {
  return {
    initial,
    read: ([text]) => (text === "1" ? true : text === "0" ? false : undefined),
    write: (value) => [value ? "1" : "0"],
  };
}

/** A set of names, one parameter each, because run names may hold any separator. */
export function namesParam(countMax = 200): Param<readonly string[]> {
  return {
    initial: [],
    read: (texts) => (texts.length <= countMax ? [...new Set(texts.filter(Boolean))] : undefined),
    write: (value) => value,
  };
}

/** `x0,x1` with x0 < x1; null = everything. */
export function rangeParam(): Param<readonly [number, number] | null> {
  return {
    initial: null,
    read: ([text = ""]) => {
      const [x0, x1, ...rest] = text
        .split(",")
        .map((part) => (part === "" ? Number.NaN : Number(part)));
      if (x0 === undefined || x1 === undefined || rest.length > 0) return undefined;
      return Number.isFinite(x0) && Number.isFinite(x1) && x0 < x1 ? [x0, x1] : undefined;
    },
    write: (value) => (value === null ? [] : [`${value[0]},${value[1]}`]),
  };
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../api/types";
import { readUrl, writeUrl } from "../core/urlState";
import {
  add,
  type Clause,
  countConditions,
  type Filter,
  isGroup,
  narrow,
  remove,
  replace,
  setMatch,
  toWhere,
  widen,
} from "./filterGroups";
import type { Condition } from "./filterModel";
import { INITIAL_STATE, tableParams } from "./tableState";

/** Marsaglia (2003), xorshift32: the same filters in every run. */
function makeRandom(seed: number) {
  let state = seed | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return {
    below: (count: number) => Math.floor(next() * count),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
  };
}
type Random = ReturnType<typeof makeRandom>;

const VALUES: readonly JsonValue[] = [0, 1, 2, 'a "quoted" one', "b&c=[d]", false];

function makeCondition(random: Random): Condition {
  const column = random.pick(["x", "y y", "z&=+"]);
  const op = random.pick(["=", "!=", "is null", "in"] as const);
  if (op === "is null") return { column, op, value: null };
  return { column, op, value: op === "in" ? [random.pick(VALUES), 1] : random.pick(VALUES) };
}

function makeList<T>(random: Random, low: number, high: number, make: () => T): T[] {
  return Array.from({ length: low + random.below(high - low + 1) }, make);
}

function makeFilter(random: Random): Filter {
  const one = () => makeCondition(random);
  const clauses = makeList(random, 0, 4, (): Clause => {
    if (random.below(2) === 0) return one();
    return { match: random.pick(["all", "any"]), conditions: makeList(random, 1, 3, one) };
  });
  return { match: random.pick(["all", "any"]), clauses };
}

type Row = Readonly<Record<string, JsonValue>>;

/** What the server says of a row, for the few operators that are used here. */
function passes(where: JsonObject | null, row: Row): boolean {
  if (where === null) return true;
  const parts = (name: string) => where[name] as JsonObject[] | undefined;
  if (parts("and")) return parts("and")?.every((each) => passes(each, row)) ?? true;
  if (parts("or")) return parts("or")?.some((each) => passes(each, row)) ?? false;
  const value = row[String(where.column)] ?? null;
  if (where.op === "is_null") return (value === null) === where.value;
  if (where.op === "in") return (where.value as JsonValue[]).includes(value);
  return where.op === "=" ? value === where.value : value !== where.value;
}

const ROWS: readonly Row[] = [null, ...VALUES].flatMap((x) =>
  [null, 1, false].flatMap((y) => [null, 0, "b&c=[d]"].map((z) => ({ x, "y y": y, "z&=+": z }))),
);
const found = (filter: Filter) => {
  const where = toWhere(filter);
  return ROWS.map((row) => passes(where, row));
};
const SEEDS = Array.from({ length: 300 }, (_, seed) => seed * 7919 + 1);

describe("a filter with groups", () => {
  it("is the same after it was written into an address and read again", () => {
    for (const seed of SEEDS) {
      const { match, clauses } = makeFilter(makeRandom(seed));
      const state = { ...INITIAL_STATE, match, where: clauses };
      const text = writeUrl(tableParams, new URLSearchParams(), state).toString();
      expect(readUrl(tableParams, new URLSearchParams(text))).toEqual({ state, ignored: [] });
    }
  });

  it("is read from addresses of before there were groups", () => {
    const old = new URLSearchParams([
      ["where", '["score","<",0.5]'],
      ["where", '["x","is null"]'],
    ]);
    const { state, ignored } = readUrl(tableParams, old);
    expect(ignored).toEqual([]);
    expect(toWhere({ match: state.match, clauses: state.where })).toEqual({
      and: [
        { column: "score", op: "<", value: 0.5 },
        { column: "x", op: "is_null", value: true },
      ],
    });
  });

  it.each([
    '{"any":[]}',
    '{"some":[["x","=",1]]}',
    '{"any":[["x","=",1]],"all":[["x","=",1]]}',
    '{"any":[{"any":[["x","=",1]]}]}',
    '{"any":[["x","like",1]]}',
    "null",
    "{",
  ])("that cannot be read is said to be ignored: %s", (text) => {
    const { state, ignored } = readUrl(tableParams, new URLSearchParams([["where", text]]));
    expect(state.where).toEqual([]);
    expect(ignored).toEqual([`where=${text}`]);
  });

  it("passes fewer rows once narrowed: those that pass the conditions too", () => {
    for (const seed of SEEDS) {
      const random = makeRandom(seed);
      const filter = makeFilter(random);
      const conditions = makeList(random, 1, 2, () => makeCondition(random));
      const both = found({ match: "all", clauses: conditions });
      const wanted = found(filter).map((passed, row) => passed && both[row]);
      expect(found(narrow(filter, conditions))).toEqual(wanted);
    }
  });

  it("passes the same rows as before once it is widened again", () => {
    for (const seed of SEEDS) {
      const random = makeRandom(seed);
      const filter = makeFilter(random);
      const conditions = makeList(random, 1, 2, () => makeCondition(random));
      const back = widen(narrow(filter, conditions), conditions.length);
      expect(found(back)).toEqual(found(filter));
    }
  });
});

describe("a condition", () => {
  const [a, b, c]: Condition[] = [1, 2, 3].map((value) => ({ column: "x", op: "=", value }));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three of them");
  const start: Filter = { match: "all", clauses: [a] };

  it("is put beside others, into a new group, or to one of them", () => {
    expect(add(start, b, "alone").clauses).toEqual([a, b]);
    expect(add(start, b, "new").clauses).toEqual([a, { match: "any", conditions: [b] }]);
    const grouped = add(start, b, 0);
    expect(grouped.clauses).toEqual([{ match: "any", conditions: [a, b] }]);
    expect(toWhere(add(grouped, c, 0))).toEqual({
      and: [{ or: [1, 2, 3].map((value) => ({ column: "x", op: "=", value })) }],
    });
    const ofAny = add({ match: "any", clauses: [a] }, b, 0);
    expect(ofAny.clauses).toEqual([{ match: "all", conditions: [a, b] }]);
  });

  it("is taken out by its place, and its group with the last one", () => {
    const filter = add(add(start, b, "new"), c, 1);
    expect(countConditions(filter.clauses)).toBe(3);
    const without = remove(filter, { clause: 1, part: 0 });
    expect(without.clauses[1]).toEqual({ match: "any", conditions: [c] });
    expect(remove(without, { clause: 1, part: 0 }).clauses).toEqual([a]);
    expect(remove(without, { clause: 0, part: null }).clauses).toHaveLength(1);
  });

  it("is replaced where it is, and groups change their meaning", () => {
    const filter = add(start, b, "new");
    expect(replace(filter, { clause: 1, part: 0 }, c).clauses[1]).toEqual({
      match: "any",
      conditions: [c],
    });
    expect(replace(filter, { clause: 0, part: null }, c).clauses[0]).toBe(c);
    const turned = setMatch(setMatch(filter, 1, "all"), null, "any");
    expect(turned.match).toBe("any");
    expect(turned.clauses.filter(isGroup).map(({ match }) => match)).toEqual(["all"]);
  });
});

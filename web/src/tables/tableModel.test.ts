import { describe, expect, it } from "vitest";
import { readUrl, writeUrl } from "../core/urlState";
import { guessCompared, guessKey } from "./compareState";
import { CSV_QUESTION_CHARS_MAX, writeCsvPath } from "./csvAddress";
import { type Clause, toWhere } from "./filterGroups";
import {
  type Condition,
  conditionFor,
  describeCondition,
  operatorsOf,
  parseValue,
} from "./filterModel";
import { CANVAS_PX_MAX, edgesOf, scrollToRow, windowColumns, windowRows } from "./gridWindow";
import type { RowsQuery } from "./queries";
import { parseRef, writeRef } from "./refs";
import { INITIAL_STATE, type TableState, tableParams, toggleSort } from "./tableState";

describe("what is chosen", () => {
  it("is the same after it was written into an address and read again", () => {
    const conditions: Condition[] = [
      { column: "a+b", op: "between", value: [0.5, 1] },
      { column: "text", op: "not regex", value: '"[,&=]"' },
      { column: "x", op: "is null", value: null },
      { column: "ok", op: "=", value: false },
    ];
    const state: TableState = {
      ...INITIAL_STATE,
      q: "why?",
      where: conditions,
      sort: [
        { column: "-odd", desc: true },
        { column: "+even", desc: false },
      ],
      group: ["a", "b:c"],
      agg: [{ fn: "mean", column: "mean:x" }],
      row: 17,
      tall: true,
    };
    const text = writeUrl(tableParams, new URLSearchParams(), state).toString();
    expect(readUrl(tableParams, new URLSearchParams(text))).toEqual({ state, ignored: [] });
  });

  it("is left out of an address when it says nothing, and reported when it cannot be read", () => {
    expect(writeUrl(tableParams, new URLSearchParams(), INITIAL_STATE).toString()).toBe("");
    const { state, ignored } = readUrl(tableParams, new URLSearchParams("where=[1]&sort=x"));
    expect(state).toEqual(INITIAL_STATE);
    expect(ignored).toEqual(["where=[1]", "sort=x"]);
  });

  it("sorts up, then down, then not at all", () => {
    const up = toggleSort([], "a", false);
    const down = toggleSort(up, "a", false);
    expect([up, down, toggleSort(down, "a", false)]).toEqual([
      [{ column: "a", desc: false }],
      [{ column: "a", desc: true }],
      [],
    ]);
    expect(toggleSort(up, "b", true)).toEqual([...up, { column: "b", desc: false }]);
  });
});

describe("conditions", () => {
  it("take values of the column's type only", () => {
    expect(parseValue("number", "<", "1e-3")).toEqual({ value: 0.001 });
    expect(parseValue("number", "between", "0.1, 0.5")).toEqual({ value: [0.1, 0.5] });
    expect(parseValue("number", "in", "1 2;3")).toEqual({ value: [1, 2, 3] });
    expect(parseValue("string", "in", "one, two words")).toEqual({ value: ["one", "two words"] });
    expect(parseValue("number", "<", "low")).toHaveProperty("problem");
    expect(parseValue("number", "between", "1")).toHaveProperty("problem");
    expect(parseValue("datetime", "<", "soon")).toHaveProperty("problem");
    expect(operatorsOf("media")).not.toContain("=");
  });

  it("can say every value of a column", () => {
    const all = [null, "NaN", "Infinity", "-Infinity", 1].map((value) =>
      conditionFor("x", "number", value),
    );
    expect(all.map((each) => each && describeCondition(each))).toEqual([
      "x is empty",
      "x is NaN",
      "x > 1.7976931348623157e+308",
      "x < -1.7976931348623157e+308",
      "x is 1",
    ]);
    expect(conditionFor("x", "json", { a: 1 })).toBeNull();
  });

  it("become the server's filter", () => {
    const all = (clauses: Clause[]) => toWhere({ match: "all", clauses });
    expect(all([])).toBeNull();
    const where = all([
      { column: "a", op: "not contains", value: "x" },
      { column: "b", op: "between", value: [1, 2] },
      { column: "c", op: "is not null", value: null },
    ]);
    expect(where).toEqual({
      and: [
        { not: { column: "a", op: "contains", value: "x" } },
        {
          and: [
            { column: "b", op: ">=", value: 1 },
            { column: "b", op: "<", value: 2 },
          ],
        },
        { column: "c", op: "is_null", value: false },
      ],
    });
  });
});

describe("the window of a grid", () => {
  const view = { viewHeight: 600, rowHeight: 32 };

  it.each([10, 10_000, 1_000_000, 20_000_000])("reaches every row of %i", (rowCount) => {
    for (const row of [0, 1, Math.floor(rowCount / 2), rowCount - 1]) {
      const scrollTop = scrollToRow(row, { ...view, rowCount, scrollTop: 0 });
      const { first, last, height, base } = windowRows({ ...view, rowCount, scrollTop });
      expect(first).toBeLessThanOrEqual(row);
      expect(last).toBeGreaterThanOrEqual(row);
      expect(last - first).toBeLessThan(40);
      expect(height).toBeLessThanOrEqual(CANVAS_PX_MAX);
      const top = base + row * view.rowHeight - scrollTop;
      expect(top).toBeGreaterThan(-1);
      expect(top + view.rowHeight).toBeLessThan(view.viewHeight + 1);
    }
  });

  it("holds the columns on screen and few others", () => {
    const edges = edgesOf(Array.from({ length: 500 }, () => 100));
    const { first, last } = windowColumns(edges, 20_000, 1_000);
    expect(first).toBeLessThanOrEqual(200);
    expect(last).toBeGreaterThanOrEqual(209);
    expect(last - first).toBeLessThan(20);
  });
});

describe("references", () => {
  it.each([
    "run:acme/mnist/run-1/media/table/a b.table.json",
    "artifact:acme/mnist/eval:v3/dir/rows.csv",
  ])("%s is read and written", (ref) => {
    const place = parseRef(ref);
    expect(place && writeRef(place)).toBe(ref);
  });

  it("that name no table are told from others", () => {
    expect(["", "run:a/b", "file:a/b/c/d", "artifact:a/b/:v1/x"].map(parseRef)).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
});

describe("the address of a CSV file", () => {
  const query: RowsQuery = {
    ref: "run:a/b/c/t & u.table.json",
    where: { and: [{ column: "x", op: "=", value: "50 % + 1" }] },
    search: null,
    sort: [],
    columns: ["x", "y"],
  };

  it("says what is asked for, and no more", () => {
    const url = new URL(writeCsvPath(query, "my rows") ?? "", "http://here");
    expect(url.pathname).toBe("/api/v1/tables/csv");
    expect(url.searchParams.get("name")).toBe("my rows");
    const { ref, where, columns } = query;
    expect(JSON.parse(url.searchParams.get("question") ?? "")).toEqual({ ref, where, columns });
  });

  it("is none when it would be too long", () => {
    const columns = Array.from({ length: 2000 }, (_, i) => `a column with a long name ${i}`);
    expect(columns.join("").length).toBeGreaterThan(CSV_QUESTION_CHARS_MAX);
    expect(writeCsvPath({ ...query, columns }, "t")).toBeNull();
  });
});

it("columns that tell rows apart and rate them are guessed", () => {
  const columns = [
    { name: "latency", type: "number" as const, distinct: 90 },
    { name: "question", type: "string" as const, distinct: 100 },
    { name: "score", type: "number" as const, distinct: 50 },
  ];
  expect(guessKey(columns)).toBe("question");
  expect(guessCompared(columns, ["question"])).toBe("score");
});

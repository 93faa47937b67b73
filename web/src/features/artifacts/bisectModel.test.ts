import { describe, expect, it } from "vitest";
import type { BisectStep, JsonValue } from "~/api/types";
import {
  explainNoBreak,
  findBreak,
  markOf,
  nextToTry,
  type Rule,
  toggleMark,
  trendOf,
} from "./bisectModel";
import { makeStep } from "./testing/artifactServer";

const NONE: Rule = { goal: "max", limit: null, good: [], bad: [] };

/** Newest first, as values from the oldest on. */
function row(...values: JsonValue[]): BisectStep[] {
  return values.map((value, index) => makeStep(index, value)).reverse();
}

describe("a version", () => {
  it("is good as long as its metric keeps to the limit", () => {
    const marks = (rule: Rule) =>
      row(0.9, 0.5, "NaN", null, "Infinity").map((step) => markOf(step, rule));
    expect(marks(NONE)).toEqual([null, null, null, null, null]);
    expect(marks({ ...NONE, limit: 0.9 })).toEqual([null, null, "bad", "bad", "good"]);
    expect(marks({ ...NONE, limit: 0.5, goal: "min" })).toEqual([null, null, "bad", "good", "bad"]);
  });

  it("is what a person said of it, whatever its metric", () => {
    const [newer, older] = row(0.9, 0.1);
    if (newer === undefined || older === undefined) throw new Error("two of them");
    const rule = { ...NONE, limit: 0.5, good: ["v1"], bad: ["v0"] };
    expect([markOf(newer, rule), markOf(older, rule)]).toEqual(["good", "bad"]);
  });

  it("is marked, marked otherwise and not any more", () => {
    const good = toggleMark({ good: [], bad: ["v1"] }, "v2", "good");
    expect(good).toEqual({ good: ["v2"], bad: ["v1"] });
    expect(toggleMark(good, "v1", "good")).toEqual({ good: ["v2", "v1"], bad: [] });
    expect(toggleMark(good, "v2", "good")).toEqual({ good: [], bad: ["v1"] });
  });
});

describe("the break", () => {
  it("is the last good version before a bad one, whatever came before", () => {
    const rule = { ...NONE, limit: 0.5 };
    const found = findBreak(row(0.1, 0.9, 0.2, 0.8, 0.7, 0.3, 0.1), rule);
    expect([found?.good.version.version, found?.bad.version.version]).toEqual(["v4", "v5"]);
    expect(found?.between).toEqual([]);
    expect(found?.fixed).toBeNull();
  });

  it("says since when it is good again", () => {
    const found = findBreak(row(0.9, 0.1, 0.2, 0.8, 0.9), { ...NONE, limit: 0.5 });
    expect(found?.bad.version.version).toBe("v1");
    expect(found?.fixed?.version.version).toBe("v3");
  });

  it.each([2, 3, 10, 65, 1000])("among %i versions is found by few marks", (count) => {
    for (const broken of new Set([1, Math.floor(count / 2), count - 1])) {
      const steps = row(...Array.from({ length: count }, () => null));
      const rule = { ...NONE, good: ["v0"], bad: [`v${count - 1}`] };
      let tries = 0;
      for (;;) {
        const found = findBreak(steps, rule);
        if (found === null) throw new Error("there is one");
        const next = nextToTry(found);
        if (next === null) {
          expect(found.bad.version.version).toBe(`v${broken}`);
          break;
        }
        const { version, index } = next.version;
        Object.assign(rule, toggleMark(rule, version, index >= broken ? "bad" : "good"));
        tries += 1;
      }
      expect(tries).toBeLessThanOrEqual(Math.ceil(Math.log2(count)) + 1);
    }
  });

  it("is explained where there is none", () => {
    const steps = row(0.9, 0.1);
    const told = (rule: Partial<Rule>, hasMore = false) =>
      explainNoBreak(steps, { ...NONE, ...rule }, hasMore);
    expect(told({})).toMatch(/^Write the worst value/);
    expect(told({ bad: ["v1"] })).toBe("No version is known to be good yet.");
    expect(told({ bad: ["v0", "v1"] }, true)).toMatch(/Show older versions/);
    expect(told({ good: ["v1"] })).toBe("No version is known to be bad.");
    expect(told({ good: ["v1"], bad: ["v0"] })).toMatch(/nothing broke since/);
  });
});

it("a change is better or worse by the goal", () => {
  expect([1, -1, 0, null].map((delta) => trendOf(delta, "max"))).toEqual([
    "better",
    "worse",
    null,
    null,
  ]);
  expect(trendOf(1, "min")).toBe("worse");
});

import { expect, test } from "vitest";
import { ExpressionProblem, evaluateColumns, parseExpression } from "./expression";
import cases from "./fixtures/expressions.json";
import { evaluateTerms, rankRows, splitTerms, weigh, writeTerms } from "./weighting";

type Run = Record<string, unknown>;

/** Runs as columns. */
function columnsOf(runs: readonly Run[]): Map<string, unknown[]> {
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  return new Map([...names].map((name) => [name, runs.map((run) => run[name])]));
}

function expectValues(
  found: readonly (number | null)[],
  wanted: readonly (number | null)[],
  text: string,
) {
  for (const [run, value] of wanted.entries()) {
    if (value === null || found[run] === null) expect(found[run], text).toBe(value);
    else
      expect(Math.abs((found[run] as number) - value), text).toBeLessThanOrEqual(
        1e-12 * Math.max(1, Math.abs(value)),
      );
  }
}

test("every expression has the server's answer for every run", () => {
  const columns = columnsOf(cases.runs);
  for (const { text, values } of cases.answers) {
    expectValues(evaluateColumns(parseExpression(text), columns, cases.runs.length), values, text);
  }
});

test("zscore compares the runs as the server does", () => {
  const columns = columnsOf(cases.runs.slice(0, 4));
  for (const { text, values } of cases.scores) {
    expectValues(evaluateColumns(parseExpression(text), columns, 4), values, text);
  }
});

test("what the server refuses is refused at the same place", () => {
  expect(cases.refused.length).toBeGreaterThan(10);
  for (const { text, at } of cases.refused) {
    let found: unknown;
    try {
      parseExpression(text);
    } catch (problem) {
      found = problem;
    }
    expect(found, text).toBeInstanceOf(ExpressionProblem);
    expect((found as ExpressionProblem).at, text).toBe(at);
  }
});

test("what is written wrongly has a reason for people", () => {
  expect(() => parseExpression("")).toThrow("it is empty");
  expect(() => parseExpression("2x")).toThrow("2*x?");
  expect(() => parseExpression("a ^ 2")).toThrow("write **");
  expect(() => parseExpression("sin(a)")).toThrow("there is no function 'sin'");
  expect(() => parseExpression("(a")).toThrow("the bracket is not closed");
  expect(() => parseExpression("ä ö")).toThrow("an operator is missing before 'ö'");
  expect(() => parseExpression(`${"(".repeat(40)}a${")".repeat(40)}`)).toThrow("32 levels");
  expect(() => parseExpression("a§b")).toThrow("'§' means nothing here");
});

test("summands and their weights are the server's", () => {
  for (const { text, terms } of cases.answers) {
    const found = splitTerms(parseExpression(text));
    expect(found.map((term) => term.text)).toEqual(terms.map(([, each]) => each));
    for (const [place, [weight]] of terms.entries()) {
      expect(found[place]?.weight).toBeCloseTo(weight as number, 12);
    }
  }
});

test("summands written with their weights give the value of the expression", () => {
  const runs = cases.runs.slice(0, 3);
  const columns = columnsOf(runs);
  const expression = parseExpression("0.6*a - b.c/4 + 0.1*(1/`val/loss`) + 2");
  const again = parseExpression(writeTerms(splitTerms(expression)));
  const [one, two] = [expression, again].map((each) => evaluateColumns(each, columns, 3));
  expectValues(two as number[], one as number[], "again");
});

test("other weights reorder the runs, a summand of weight 0 is left out, and gaps come last", () => {
  const columns = new Map([
    ["quality", [0.9, 0.8, 0.7, 0.95]],
    ["latency", [30, 10, 20, null]],
  ]);
  const terms = splitTerms(parseExpression("quality - 0.01*latency"));
  const values = evaluateTerms(terms, columns, 4);
  const order = (weights: number[]) => [...rankRows(weigh(values, weights, 4), "maximize")];
  expect(order([1, -0.01])).toEqual([1, 0, 2, 3]);
  expect(order([1, 0])).toEqual([3, 0, 1, 2]);
  expect(order([0, 1])).toEqual([0, 2, 1, 3]);
});

test("a thousand runs are evaluated and ranked well within a frame's budget of work", () => {
  const count = 1_000;
  const random = (seed: number) =>
    Array.from({ length: count }, (_, i) => Math.abs(Math.sin(seed + i * 12.9898)) + 0.01);
  const columns = new Map([
    ["a", random(1)],
    ["b", random(2)],
    ["c", random(3)],
  ]);
  const terms = splitTerms(parseExpression("0.6*a + 0.3*(1/b) + 0.1*zscore(c)"));
  const values = evaluateTerms(terms, columns, count);
  const ranked = rankRows(weigh(values, [0.2, 0.5, 0.3], count), "maximize");
  expect(new Set(ranked).size).toBe(count);
});

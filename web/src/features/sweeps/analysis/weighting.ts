/** The summands of a composite metric and what other weights would give; as src/steelyard/search/weighting.py does. */

import { type Columns, type Expression, evaluateColumns, parseExpression } from "./expression";
import type { Node } from "./expressionTree";

/** One summand: `weight` times what `text` says. */
export interface Term {
  weight: number;
  text: string;
}

/** `0.6*a - b/4` has `a` by 0.6 and `b` by -0.25. */
export function splitTerms({ root, text }: Expression): Term[] {
  const isSum = root.kind === "chain" && /^[+-]$/.test(root.rest[0]?.[0] ?? "");
  if (root.kind !== "chain" || !isSum) return [readTerm("+", root, text)];
  return [
    readTerm("+", root.first, text),
    ...root.rest.map(([sign, node]) => readTerm(sign, node, text)),
  ];
}

function readTerm(sign: string, node: Node, text: string): Term {
  const [inner, flips] = withoutSigns(node);
  let weight = sign === "-" ? -flips : flips;
  if (inner.kind === "number") return { weight: weight * inner.value, text: "1" };
  if (inner.kind !== "chain" || inner.rest.some(([each]) => each !== "*" && each !== "/")) {
    return { weight, text: quote(inner, text) };
  }
  let kept = "";
  for (const [factorSign, factor] of [["*", inner.first] as const, ...inner.rest]) {
    const [bare, factorFlips] = withoutSigns(factor);
    weight *= factorFlips;
    if (bare.kind === "number" && !(factorSign === "/" && bare.value === 0)) {
      weight = factorSign === "*" ? weight * bare.value : weight / bare.value;
    } else if (factorSign === "*" && kept === "") {
      kept = quote(bare, text);
    } else {
      kept = `${kept || "1"}${factorSign}${quote(bare, text)}`;
    }
  }
  return { weight, text: kept || "1" };
}

/** The node below all minus signs, and 1 or -1 for them. */
function withoutSigns(node: Node): [Node, number] {
  let [inner, flips] = [node, 1];
  while (inner.kind === "negative") [inner, flips] = [inner.operand, -flips];
  return [inner, flips];
}

function quote(node: Node, text: string): string {
  const written = text.slice(node.start, node.end);
  return ["name", "number", "call"].includes(node.kind) ? written : `(${written})`;
}

/** The same summands by other weights, as a text that can be read again. */
export function writeTerms(terms: readonly Term[]): string {
  return terms.map(({ weight, text }) => `${weight}*${text}`).join(" + ");
}

/** Every summand of every run without its weight: by term, then by run. */
export function evaluateTerms(
  terms: readonly Term[],
  columns: Columns,
  count: number,
): (number | null)[][] {
  return terms.map(({ text }) => evaluateColumns(parseExpression(text), columns, count));
}

/** The weighted sum for every run, NaN where a summand is missing. One of weight 0 is left out, missing or not. */
export function weigh(
  values: readonly (readonly (number | null)[])[],
  weights: readonly number[],
  count: number,
): Float64Array {
  const sums = new Float64Array(count);
  for (const [term, weight] of weights.entries()) {
    if (weight === 0) continue;
    const column = values[term];
    for (let run = 0; run < count; run++) {
      sums[run] = (sums[run] as number) + weight * (column?.[run] ?? Number.NaN);
    }
  }
  return sums;
}

/** Rows from best to worst; those without a value come last, in their order. */
export function rankRows(values: Float64Array, goal: "minimize" | "maximize"): Int32Array {
  const sign = goal === "maximize" ? -1 : 1;
  const rows = Int32Array.from(values, (_, row) => row);
  return rows.sort((a, b) => {
    const [left, right] = [sign * (values[a] as number), sign * (values[b] as number)];
    if (Number.isNaN(left) || Number.isNaN(right)) {
      return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || a - b;
    }
    return left - right || a - b;
  });
}

/**
 * The language of composite metrics, with the answers of the server's (src/steelyard/search/expression.py): numbers,
 * names, `+ - * / // % **`, comparisons, `and or not` and a few functions, with Python's precedence. A value that is
 * missing, infinite or undefined makes the result null, unless `and` or `or` is decided without it.
 *
 * Everything is evaluated for all runs at once, because zscore compares them: a thousand runs take about a millisecond.
 */

import {
  ExpressionProblem,
  FUNCTIONS,
  type Node,
  OPERATORS,
  type Token,
  tokenize,
  type Value,
} from "./expressionTree";

export { ExpressionProblem } from "./expressionTree";

export const CHARS_MAX = 4_000;
const DEPTH_MAX = 32;
const NAMES_MAX = 64;

export interface Expression {
  text: string;
  names: readonly string[];
  root: Node;
}

/** Raises ExpressionProblem with the place. */
export function parseExpression(text: string): Expression {
  if (text.length > CHARS_MAX) {
    throw new ExpressionProblem(
      0,
      `it is longer than ${CHARS_MAX.toLocaleString("en-US")} characters`,
    );
  }
  const parser = new Parser(text);
  const root = parser.parse();
  return { text, names: [...parser.names], root };
}

/** Recursive descent, one method per precedence, lowest first. */
class Parser {
  readonly names = new Set<string>();
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Node {
    if (this.#peek().kind === "end") throw this.#problem("it is empty");
    const root = this.#logic("or");
    if (this.#peek().kind !== "end") {
      throw this.#problem(`an operator is missing before ${this.#quote(this.#peek())}`);
    }
    if (root.kind === "text") {
      throw new ExpressionProblem(0, "text alone is no value; names stand in `backquotes`");
    }
    return root;
  }

  #peek(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #quote(token: Token): string {
    return `'${this.#text.slice(token.start, token.end)}'`;
  }

  #problem(message: string, token: Token = this.#peek()): ExpressionProblem {
    return new ExpressionProblem(token.start, message);
  }

  #take(...operators: readonly string[]): Token | null {
    const token = this.#peek();
    if (token.kind !== "operator" || !operators.includes(token.value)) return null;
    this.#at += 1;
    return token;
  }

  /** Where the last token that was taken ends: brackets belong to what holds them. */
  #end(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0;
  }

  #deeper<T>(token: Token, read: () => T): T {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX)
      throw this.#problem(`more than ${DEPTH_MAX} levels of nesting`, token);
    const found = read();
    this.#depth -= 1;
    return found;
  }

  #logic(word: "or" | "and"): Node {
    const read = () => (word === "and" ? this.#not() : this.#logic("and"));
    const { start } = this.#peek();
    const operands = [read()];
    for (let token = this.#take(word); token !== null; token = this.#take(word)) {
      this.#refuseText(operands.at(-1), token);
      operands.push(read());
      this.#refuseText(operands.at(-1), token);
    }
    if (operands.length === 1) return operands[0] as Node;
    return { kind: "logic", word, operands, start, end: this.#end() };
  }

  #not(): Node {
    const token = this.#take("not");
    if (token === null) return this.#comparison();
    const operand = this.#deeper(token, () => this.#not());
    this.#refuseText(operand, token);
    return { kind: "not", operand, start: token.start, end: this.#end() };
  }

  #comparison(): Node {
    const { start } = this.#peek();
    const first = this.#chain(["+", "-"], () => this.#product());
    const rest: [string, Node][] = [];
    const signs = ["<", "<=", ">", ">=", "==", "!="];
    for (let token = this.#take(...signs); token !== null; token = this.#take(...signs)) {
      const operand = this.#chain(["+", "-"], () => this.#product());
      if (token.value !== "==" && token.value !== "!=") {
        this.#refuseText(rest.at(-1)?.[1] ?? first, token);
        this.#refuseText(operand, token);
      }
      rest.push([token.value, operand]);
    }
    if (rest.length === 0) return first;
    return { kind: "comparison", first, rest, start, end: this.#end() };
  }

  #product(): Node {
    return this.#chain(["*", "/", "//", "%"], () => this.#sign());
  }

  #chain(operators: readonly string[], read: () => Node): Node {
    const { start } = this.#peek();
    const first = read();
    const rest: [string, Node][] = [];
    for (let token = this.#take(...operators); token !== null; token = this.#take(...operators)) {
      this.#refuseText(rest.at(-1)?.[1] ?? first, token);
      const operand = read();
      this.#refuseText(operand, token);
      rest.push([token.value, operand]);
    }
    if (rest.length === 0) return first;
    return { kind: "chain", first, rest, start, end: this.#end() };
  }

  #sign(): Node {
    const token = this.#take("-", "+");
    if (token === null) return this.#power();
    const operand = this.#deeper(token, () => this.#sign());
    this.#refuseText(operand, token);
    if (token.value === "+") return operand;
    return { kind: "negative", operand, start: token.start, end: this.#end() };
  }

  #power(): Node {
    const { start } = this.#peek();
    const base = this.#atom();
    const token = this.#take("**");
    if (token === null) return base;
    const exponent = this.#deeper(token, () => this.#sign());
    this.#refuseText(base, token);
    this.#refuseText(exponent, token);
    return { kind: "power", base, exponent, start, end: this.#end() };
  }

  #atom(): Node {
    const token = this.#peek();
    const { start, end } = token;
    if (token.kind === "end") throw this.#problem("it ends where a value should stand");
    this.#at += 1;
    if (token.kind === "number") return { kind: "number", value: Number(token.value), start, end };
    if (token.kind === "text") return { kind: "text", value: token.value, start, end };
    if (token.kind === "name") return this.#name(token);
    if (token.value !== "(") {
      throw this.#problem(`a value should stand before ${this.#quote(token)}`, token);
    }
    const inner = this.#deeper(token, () => this.#logic("or"));
    this.#close(token);
    return inner;
  }

  #close(opened: Token): void {
    if (this.#take(")") !== null) return;
    if (this.#peek().kind === "end") throw this.#problem("the bracket is not closed", opened);
    throw this.#problem(`an operator or ')' is missing before ${this.#quote(this.#peek())}`);
  }

  #name(token: Token): Node {
    const { start, end } = token;
    const isQuoted = this.#text[start] === "`";
    const next = this.#peek();
    if (!isQuoted && next.kind === "operator" && next.value === "(") return this.#call(token);
    if (!isQuoted && /^[Tt]rue$/.test(token.value)) return { kind: "number", value: 1, start, end };
    if (!isQuoted && /^[Ff]alse$/.test(token.value))
      return { kind: "number", value: 0, start, end };
    this.names.add(token.value);
    if (this.names.size > NAMES_MAX) throw this.#problem(`more than ${NAMES_MAX} names`, token);
    return { kind: "name", name: token.value, start, end };
  }

  #call(token: Token): Node {
    const found = FUNCTIONS.get(token.value);
    if (found === undefined) {
      const known = [...FUNCTIONS.keys()].join(", ");
      throw this.#problem(`there is no function '${token.value}'; there are ${known}`, token);
    }
    const opened = this.#peek();
    this.#at += 1;
    const args = this.#deeper(opened, () => this.#arguments());
    this.#close(opened);
    for (const each of args) this.#refuseText(each, token);
    if (args.length < found.least || args.length > found.most) {
      throw this.#problem(`${token.value} does not take ${args.length} values`, token);
    }
    return {
      kind: "call",
      function: token.value,
      arguments: args,
      start: token.start,
      end: this.#end(),
    };
  }

  #arguments(): Node[] {
    const next = this.#peek();
    if (next.kind === "operator" && next.value === ")") return [];
    const found = [this.#logic("or")];
    while (this.#take(",") !== null) found.push(this.#logic("or"));
    return found;
  }

  #refuseText(node: Node | undefined, at: Token): void {
    if (node?.kind !== "text") return;
    throw this.#problem(`text such as '${node.value}' can only be compared with == and !=`, at);
  }
}

// ---- values

/** Values by name, one per run; what is no finite number and no text is missing. */
export type Columns = ReadonlyMap<string, ArrayLike<unknown>>;

/** The value for each of `count` runs; null where it is missing or undefined. Truth is 1 and 0. */
export function evaluateColumns(
  expression: Expression,
  columns: Columns,
  count: number,
): (number | null)[] {
  return evaluate(expression.root, columns, count).map((value) =>
    typeof value === "number" ? value : null,
  );
}

function evaluate(node: Node, columns: Columns, count: number): Value[] {
  const of = (part: Node) => evaluate(part, columns, count);
  switch (node.kind) {
    case "number":
    case "text":
      return new Array<Value>(count).fill(node.value);
    case "name": {
      const column = columns.get(node.name);
      return Array.from({ length: count }, (_, run) => asValue(column?.[run]));
    }
    case "chain":
      return node.rest.reduce(
        (total, [sign, operand]) => combine(OPERATORS[sign] as Binary, total, of(operand)),
        of(node.first),
      );
    case "negative":
      return of(node.operand).map((value) => compute((x) => -(x as number), [value]));
    case "not":
      return of(node.operand).map((value) => compute((x) => (x === 0 ? 1 : 0), [value]));
    case "power":
      return combine((a, b) => a ** b, of(node.base), of(node.exponent));
    case "call": {
      const operands = node.arguments.map(of);
      if (node.function === "zscore") return scoreAll(operands[0] as Value[]);
      const { compute: call } = FUNCTIONS.get(node.function) as { compute: Call };
      return Array.from({ length: count }, (_, run) =>
        compute(
          call,
          operands.map((operand) => operand[run] as Value),
        ),
      );
    }
    case "logic": {
      const operands = node.operands.map(of);
      return Array.from({ length: count }, (_, run) =>
        decide(
          node.word,
          operands.map((operand) => operand[run] as Value),
        ),
      );
    }
    case "comparison": {
      const sides = [of(node.first), ...node.rest.map(([, operand]) => of(operand))];
      const signs = node.rest.map(([sign]) => sign);
      return Array.from({ length: count }, (_, run) =>
        compareAll(
          signs,
          sides.map((side) => side[run] as Value),
        ),
      );
    }
  }
}

type Binary = (a: number, b: number) => number;
type Call = (...operands: number[]) => number;

function asValue(value: unknown): Value {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function compute(call: Call, operands: readonly Value[]): Value {
  if (operands.some((operand) => typeof operand !== "number")) return null;
  const value = call(...(operands as number[]));
  return Number.isFinite(value) ? value : null;
}

function combine(call: Binary, left: readonly Value[], right: readonly Value[]): Value[] {
  return left.map((value, run) => compute(call, [value, right[run] as Value]));
}

/** Kleene's strong logic: what is not known does not matter where the rest decides. */
function decide(word: "and" | "or", operands: readonly Value[]): Value {
  const decisive = word === "or";
  let isKnown = true;
  for (const value of operands) {
    if (typeof value !== "number") isKnown = false;
    else if ((value !== 0) === decisive) return decisive ? 1 : 0;
  }
  if (!isKnown) return null;
  return decisive ? 0 : 1;
}

/** `and` of the neighbouring pairs. Text and numbers are different, and never ordered. */
function compareAll(signs: readonly string[], sides: readonly Value[]): Value {
  let isKnown = true;
  for (const [place, sign] of signs.entries()) {
    const [left, right] = [sides[place] as Value, sides[place + 1] as Value];
    const isEquality = sign === "==" || sign === "!=";
    const areNumbers = typeof left === "number" && typeof right === "number";
    if (left === null || right === null || !(isEquality || areNumbers)) isKnown = false;
    else if (!holds(sign, left, right)) return 0;
  }
  return isKnown ? 1 : null;
}

function holds(sign: string, left: number | string, right: number | string): boolean {
  switch (sign) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    case "==":
      return left === right;
    default:
      return left !== right;
  }
}

/** (x - mean) / std over the runs that have x; 0 where all are alike. */
function scoreAll(values: readonly Value[]): Value[] {
  const known = values.filter((value) => typeof value === "number");
  if (known.length === 0) return values.map(() => null);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const spread = Math.sqrt(
    known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length,
  );
  const isFlat = !(spread > 1e-14 * Math.abs(mean));
  return values.map((value) => {
    if (typeof value !== "number") return null;
    return isFlat ? 0 : (value - mean) / spread;
  });
}

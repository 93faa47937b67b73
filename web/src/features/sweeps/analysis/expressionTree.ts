/** Words and nodes of an expression, and its functions for one run; see expression.ts. */

export class ExpressionProblem extends Error {
  /** Where in the text. */
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

export type Value = number | string | null;

interface Place {
  start: number;
  end: number;
}

export type Node = Place &
  (
    | { kind: "number"; value: number }
    | { kind: "text"; value: string }
    | { kind: "name"; name: string }
    | { kind: "negative" | "not"; operand: Node }
    | { kind: "power"; base: Node; exponent: Node }
    | { kind: "chain" | "comparison"; first: Node; rest: readonly (readonly [string, Node])[] }
    | { kind: "logic"; word: "and" | "or"; operands: readonly Node[] }
    | { kind: "call"; function: string; arguments: readonly Node[] }
  );

export interface Token extends Place {
  kind: "number" | "text" | "name" | "operator" | "end";
  value: string;
}

const WORDS = new Set(["and", "or", "not"]);
/** Python's words that are no names here: whoever writes one expects more than there is. */
const REFUSED = new Set(["if", "else", "in", "is", "for", "lambda", "while", "import", "None"]);
const INSTEAD: Readonly<Record<string, string>> = {
  "^": "**",
  "&": "and",
  "&&": "and",
  "|": "or",
  "||": "or",
  "=": "==",
  "!": "not",
};
const PATTERN =
  /(?<space>\s+)|(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<word>[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*)|`(?<quoted>[^`]+)`|(?<text>"[^"\\]*"|'[^'\\]*')|(?<operator>\*\*|\/\/|<=|>=|==|!=|[-+*/%<>(),])|(?<mistake>&&|\|\||[\^&|=!])/uy;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(text);
    if (match === null) throw new ExpressionProblem(at, explainCharacter(text, at));
    const end = at + match[0].length;
    const token = readToken(match.groups ?? {}, match[0], at, end);
    if (token !== null) {
      const last = tokens.at(-1);
      if (last?.kind === "number" && last.end === at && match.groups?.word !== undefined) {
        const near = `${last.value}*${match[0]}`;
        throw new ExpressionProblem(at, `an operator is missing after the number: ${near}?`);
      }
      tokens.push(token);
    }
    at = end;
  }
  tokens.push({ kind: "end", value: "", start: text.length, end: text.length });
  return tokens;
}

function readToken(
  groups: Record<string, string | undefined>,
  text: string,
  start: number,
  end: number,
): Token | null {
  if (groups.space !== undefined) return null;
  if (groups.mistake !== undefined) {
    throw new ExpressionProblem(start, `'${text}' is no operator here; write ${INSTEAD[text]}`);
  }
  if (groups.number !== undefined) {
    if (!Number.isFinite(Number(text))) {
      throw new ExpressionProblem(start, "the number is larger than a float64 can be");
    }
    return { kind: "number", value: text, start, end };
  }
  if (groups.quoted !== undefined) return { kind: "name", value: groups.quoted, start, end };
  if (groups.text !== undefined) return { kind: "text", value: text.slice(1, -1), start, end };
  if (REFUSED.has(text)) {
    throw new ExpressionProblem(start, `'${text}' is not part of the language`);
  }
  const isName = groups.word !== undefined && !WORDS.has(text);
  return { kind: isName ? "name" : "operator", value: text, start, end };
}

function explainCharacter(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if ("\"'`".includes(character)) return `the ${character} is not closed, or holds nothing`;
  return `the character '${character}' means nothing here; such names stand in \`backquotes\``;
}

// ---- arithmetic as Python has it

/** floor(a / b) and the rest with the sign of b, by way of fmod: 1 // 0.1 is 9. CPython Objects/floatobject.c */
function divide(a: number, b: number): [quotient: number, rest: number] {
  if (b === 0) return [Number.NaN, Number.NaN];
  let rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0) {
    if (b < 0 !== rest < 0) {
      rest += b;
      quotient -= 1;
    }
  } else {
    rest = b < 0 ? -0 : 0;
  }
  if (quotient === 0) return [0, rest];
  const floor = Math.floor(quotient);
  return [quotient - floor > 0.5 ? floor + 1 : floor, rest];
}

export const OPERATORS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "//": (a, b) => divide(a, b)[0],
  "%": (a, b) => divide(a, b)[1],
};

export interface Function {
  least: number;
  most: number;
  signature: string;
  compute: (...operands: number[]) => number;
}

const one = (signature: string, compute: (x: number) => number): Function => ({
  least: 1,
  most: 1,
  signature,
  compute: (x = Number.NaN) => compute(x),
});

export const FUNCTIONS: ReadonlyMap<string, Function> = new Map([
  ["abs", one("abs(x)", Math.abs)],
  [
    "clip",
    {
      least: 3,
      most: 3,
      signature: "clip(x, low, high)",
      compute: (x = 0, low = 0, high = 0) =>
        low > high ? Number.NaN : Math.min(Math.max(x, low), high),
    },
  ],
  ["exp", one("exp(x)", Math.exp)],
  ["log", one("log(x)", Math.log)],
  ["log10", one("log10(x)", Math.log10)],
  ["log2", one("log2(x)", Math.log2)],
  ["max", { least: 2, most: 64, signature: "max(x, y, …)", compute: Math.max }],
  ["min", { least: 2, most: 64, signature: "min(x, y, …)", compute: Math.min }],
  [
    "norm_cap",
    {
      least: 2,
      most: 2,
      signature: "norm_cap(x, limit)",
      compute: (x = 0, limit = 0) => (limit <= 0 ? Number.NaN : 1 - Math.min(x / limit, 1)),
    },
  ],
  ["sqrt", one("sqrt(x)", Math.sqrt)],
  // Over all runs: expression.ts does it.
  ["zscore", one("zscore(x)", () => Number.NaN)],
]);

/** Conditions on columns: as people choose them, as the server takes them, and as they are read. */

import type { JsonObject, JsonValue, TableColumn } from "../api/types";

export type ColumnType = TableColumn["type"];

const OPERATORS = {
  "=": "is",
  "!=": "is not",
  "<": "<",
  "<=": "≤",
  ">": ">",
  ">=": "≥",
  between: "from … to below",
  in: "is one of",
  contains: "contains",
  "not contains": "does not contain",
  regex: "matches",
  "not regex": "does not match",
  "is null": "is empty",
  "is not null": "is not empty",
  "is NaN": "is NaN",
} as const;

export type Operator = keyof typeof OPERATORS;

export interface Condition {
  column: string;
  op: Operator;
  /** A list for `in`, [low, high] for `between`, null where the operator says it all. */
  value: JsonValue;
}

const TEXT_OPERATORS: readonly Operator[] = ["contains", "not contains", "regex", "not regex"];
const ORDER_OPERATORS: readonly Operator[] = ["<", "<=", ">", ">="];
const NULL_OPERATORS: readonly Operator[] = ["is null", "is not null"];
const WITHOUT_VALUE: ReadonlySet<Operator> = new Set(["is null", "is not null", "is NaN"]);

export function operatorsOf(type: ColumnType): readonly Operator[] {
  switch (type) {
    case "number":
      return ["=", "!=", ...ORDER_OPERATORS, "between", "in", "is NaN", ...NULL_OPERATORS];
    case "datetime":
      return [...ORDER_OPERATORS, "=", "!=", ...NULL_OPERATORS];
    case "boolean":
      return ["=", "!=", ...NULL_OPERATORS];
    case "string":
      return [...TEXT_OPERATORS, "=", "!=", "in", ...NULL_OPERATORS];
    default:
      return [...TEXT_OPERATORS, ...NULL_OPERATORS];
  }
}

export function labelOf(op: Operator): string {
  return OPERATORS[op];
}

export function isOperator(text: string): text is Operator {
  return Object.hasOwn(OPERATORS, text);
}

export function takesValue(op: Operator): boolean {
  return !WITHOUT_VALUE.has(op);
}

/** The value that a text stands for, or what is wrong with the text. */
export function parseValue(
  type: ColumnType,
  op: Operator,
  text: string,
): { value: JsonValue } | { problem: string } {
  if (!takesValue(op)) return { value: null };
  if (op === "between" || op === "in") {
    const parts = text
      .split(op === "in" && type === "string" ? /\n|,\s*/ : /[,;\s]+/)
      .map((part) => part.trim())
      .filter(Boolean);
    const values = parts.map((part) => (type === "number" ? toNumber(part) : part));
    if (values.some((value) => value === null)) return { problem: "Write numbers, as 0.5, 1e-3." };
    if (op === "between" && values.length !== 2) {
      return { problem: "Write two numbers, as 0.1, 0.5." };
    }
    return values.length === 0 ? { problem: "Write at least one value." } : { value: values };
  }
  if (type === "number" && !TEXT_OPERATORS.includes(op)) {
    const value = toNumber(text);
    return value === null ? { problem: "Write a number, as 0.5 or 1e-3." } : { value };
  }
  if (type === "boolean") return { value: text !== "false" };
  if (op.endsWith("regex")) {
    if (text === "") return { problem: "Write a regular expression." };
  }
  if (type === "datetime" && Number.isNaN(Date.parse(text))) {
    return { problem: "Write a time, as 2026-11-21 or 2026-11-21T12:00." };
  }
  return { value: text };
}

function toNumber(text: string): number | null {
  const value = Number(text.trim());
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

/** How a value stands in its field. */
export function textOf(value: JsonValue): string {
  if (Array.isArray(value)) return value.map(String).join(", ");
  return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The condition as the server takes it. */
export function toTest({ column, op, value }: Condition): JsonObject {
  switch (op) {
    case "between": {
      const [low = null, high = null] = Array.isArray(value) ? value : [];
      return {
        and: [
          { column, op: ">=", value: low },
          { column, op: "<", value: high },
        ],
      };
    }
    case "is null":
      return { column, op: "is_null", value: true };
    case "is not null":
      return { column, op: "is_null", value: false };
    case "is NaN":
      return { column, op: "=", value: "NaN" };
    case "not contains":
      return { not: { column, op: "contains", value } };
    case "not regex":
      return { not: { column, op: "regex", value } };
    default:
      return { column, op, value };
  }
}

/** "score < 0.5", for chips. */
export function describeCondition({ column, op, value }: Condition): string {
  if (op === "between" && Array.isArray(value)) {
    return `${column} ${shorten(value[0] ?? null)} … ${shorten(value[1] ?? null)}`;
  }
  return takesValue(op) ? `${column} ${labelOf(op)} ${shorten(value)}` : `${column} ${labelOf(op)}`;
}

const CHIP_CHARS_MAX = 40;

function shorten(value: JsonValue): string {
  const text =
    typeof value === "number" && !Number.isInteger(value)
      ? String(Number(value.toPrecision(4)))
      : textOf(value) || "“”";
  return text.length > CHIP_CHARS_MAX ? `${text.slice(0, CHIP_CHARS_MAX)}…` : text;
}

/** The condition that exactly the cells with this value pass; null where none can say it. */
export function conditionFor(column: string, type: ColumnType, value: JsonValue): Condition | null {
  if (value === null) return { column, op: "is null", value: null };
  if (type === "number") {
    if (value === "NaN") return { column, op: "is NaN", value: null };
    // Infinity has no number in JSON; only it lies beyond the largest one.
    if (value === "Infinity") return { column, op: ">", value: Number.MAX_VALUE };
    if (value === "-Infinity") return { column, op: "<", value: -Number.MAX_VALUE };
  }
  if (type === "media" || type === "json") return null;
  return { column, op: "=", value };
}

export function isSameCondition(a: Condition, b: Condition): boolean {
  return (
    a.column === b.column && a.op === b.op && JSON.stringify(a.value) === JSON.stringify(b.value)
  );
}

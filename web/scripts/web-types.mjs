/**
 * Writes src/api/schema.d.ts from the server's OpenAPI document; with --check it only says whether it is up to date.
 *
 * A generator of our own: the usual one needs the TypeScript 5 compiler beside ours, and the document holds only what
 * msgspec structs can say.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = fileURLToPath(new URL("../src/api/schema.d.ts", import.meta.url));
const HEADER = `/** Made by \`npm run web-types\` from the server's OpenAPI document. Do not edit. */

import type { JsonObject, JsonValue } from "./json";
`;

/** "Page[RunRow]" → "PageOfRunRow". */
function nameOf(schema, key) {
  return (schema.title ?? key).replace(/\[(.*)\]$/, "Of$1").replace(/\W/g, "");
}

function typeOf(schema, names) {
  if (schema.$ref !== undefined) return names.get(schema.$ref.split("/").at(-1));
  if (schema.enum !== undefined)
    return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) {
    return [...new Set(choices.map((choice) => typeOf(choice, names)))].join(" | ");
  }
  if (schema.prefixItems !== undefined) {
    return `[${schema.prefixItems.map((item) => typeOf(item, names)).join(", ")}]`;
  }
  if (schema.type === "array") return `${parenthesize(typeOf(schema.items ?? {}, names))}[]`;
  if (schema.type === "object") return objectType(schema, names);
  return (
    { integer: "number", number: "number", string: "string", boolean: "boolean", null: "null" }[
      schema.type
    ] ?? "JsonValue"
  );
}

function objectType(schema, names) {
  const values = schema.additionalProperties;
  if (typeof values !== "object" || Object.keys(values).length === 0) return "JsonObject";
  return `Record<string, ${typeOf(values, names)}>`;
}

function parenthesize(type) {
  return type.includes(" ") ? `(${type})` : type;
}

function declare(schema, name, names) {
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties ?? {}).map(([property, value]) => {
    const comment = value.description ? `  /** ${value.description.replace(/\s+/g, " ")} */\n` : "";
    const mark = required.has(property) ? "" : "?";
    return `${comment}  ${property}${mark}: ${typeOf(value, names)};`;
  });
  return `export interface ${name} {\n${lines.join("\n")}\n}\n`;
}

export function generate(document) {
  const schemas = Object.entries(document.components.schemas);
  const names = new Map(schemas.map(([key, schema]) => [key, nameOf(schema, key)]));
  const declarations = schemas
    .map(([key, schema]) => [names.get(key), schema])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) =>
      schema.properties === undefined
        ? `export type ${name} = ${typeOf(schema, names)};\n`
        : declare(schema, name, names),
    );
  return [HEADER, ...declarations].join("\n");
}

const command = process.env.STEELYARD ?? `${ROOT}.venv/bin/steelyard`;
const text = generate(JSON.parse(execFileSync(command, ["openapi"], { maxBuffer: 64 << 20 })));
if (!process.argv.includes("--check")) {
  writeFileSync(TARGET, text);
} else if (!existsSync(TARGET) || readFileSync(TARGET, "utf8") !== text) {
  console.error("src/api/schema.d.ts is not what the server says; run: npm run web-types");
  process.exit(1);
}

/** Flattens nested settings to the rows a tree shows. */

import type { JsonObject, JsonValue } from "../api/types";

export interface TreeRow {
  /** Dotted, as metric and config keys are shown everywhere. */
  path: string;
  name: string;
  depth: number;
  value: JsonValue;
  isBranch: boolean;
  isFolded: boolean;
}

export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What `search` accepts: /regex/ (case ignored), else a part of the text. A broken regex matches as text. */
export function makeMatcher(search: string): (text: string) => boolean {
  const wanted = search.trim();
  const regex = /^\/(.+)\/$/.exec(wanted)?.[1];
  if (regex !== undefined) {
    try {
      const compiled = new RegExp(regex, "i");
      return (text) => compiled.test(text);
    } catch {
      // Falls through: half-typed patterns search as they stand.
    }
  }
  const lower = wanted.toLowerCase();
  return (text) => text.toLowerCase().includes(lower);
}

/** Keys sorted by name; "_"-keys of the client last. With a search, only matches and the branches above them. */
export function buildRows(
  root: JsonObject,
  options: { search: string; folded: ReadonlySet<string> },
): TreeRow[] {
  const matches = options.search.trim() === "" ? null : makeMatcher(options.search);
  const rows: TreeRow[] = [];

  const visit = (value: JsonObject, prefix: string, depth: number): boolean => {
    let found = false;
    for (const name of Object.keys(value).sort(compareNames)) {
      const child = value[name] ?? null;
      const path = prefix === "" ? name : `${prefix}.${name}`;
      if (isObject(child) && describeMedia(child) === null && Object.keys(child).length > 0) {
        const isFolded = matches === null && options.folded.has(path);
        const at = rows.length;
        rows.push({ path, name, depth, value: child, isBranch: true, isFolded });
        const hasMatch = isFolded || visit(child, path, depth + 1);
        if (hasMatch || matches === null) found = true;
        else rows.length = at;
      } else if (matches === null || matches(path) || matches(String(child))) {
        rows.push({ path, name, depth, value: child, isBranch: false, isFolded: false });
        found = true;
      }
    }
    return found;
  };

  visit(root, "", 0);
  return rows;
}

/** What an object that stands for an image, a table or the like holds, in a few words; else null. */
export function describeMedia(value: JsonValue): string | null {
  if (!isObject(value) || typeof value._type !== "string") return null;
  const { _type: type, count, width, height, nrows, ncols, bins, caption } = value;
  const name = type
    .replace(/-file$/, "")
    .replace("/separated", "")
    .replaceAll(/[-_]/g, " ");
  const facts = [
    typeof count === "number" && `${count}`,
    typeof width === "number" && typeof height === "number" && `${width} × ${height}`,
    typeof nrows === "number" && `${nrows.toLocaleString("en")} rows`,
    typeof ncols === "number" && `${ncols} columns`,
    Array.isArray(bins) && `${Math.max(bins.length - 1, 0)} bins`,
    typeof caption === "string" && caption,
  ].filter((fact) => typeof fact === "string" && fact !== "");
  return [name, ...facts].join(", ");
}

export function countLeaves(value: JsonValue): number {
  if (!isObject(value) || describeMedia(value) !== null) return 1;
  return Object.values(value).reduce<number>((sum, child) => sum + countLeaves(child), 0);
}

function compareNames(a: string, b: string): number {
  const [ownA, ownB] = [a.startsWith("_"), b.startsWith("_")];
  if (ownA !== ownB) return ownA ? 1 : -1;
  return a.localeCompare(b, "en", { numeric: true });
}

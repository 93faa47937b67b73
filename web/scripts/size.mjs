/** Fails when what a first visit must load grows above its budget. Sizes are gzipped, as sent. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const STATIC = fileURLToPath(new URL("../../src/steelyard/server/static/", import.meta.url));
const JS_BYTES_MAX = 190_000;
const CSS_BYTES_MAX = 25_000;

const manifest = JSON.parse(readFileSync(join(STATIC, "manifest.json"), "utf8"));
const PAGES = [
  "src/features/home/HomePage.tsx",
  "src/features/workspace/WorkspacePage.tsx",
  "src/features/runs/RunPage.tsx",
  "src/features/artifacts/ArtifactsPage.tsx",
  "src/features/artifacts/ArtifactPage.tsx",
  "src/features/tables/TablePage.tsx",
  "src/features/sweeps/SweepPages.tsx",
];

/** All files that a chunk needs before it runs. */
function collect(key, found = new Set()) {
  const chunk = manifest[key];
  if (chunk === undefined)
    throw new Error(`${key} is not in ${join(dirname(STATIC), "manifest.json")}`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const css of chunk.css ?? []) found.add(css);
  for (const next of chunk.imports ?? []) collect(next, found);
  return found;
}

function gzippedBytes(files, ending) {
  return [...files]
    .filter((file) => file.endsWith(ending))
    .reduce((sum, file) => sum + gzipSync(readFileSync(join(STATIC, file))).length, 0);
}

let isOver = false;
function report(name, files, jsMax) {
  const [js, css] = [gzippedBytes(files, ".js"), gzippedBytes(files, ".css")];
  const verdict = js > jsMax || css > CSS_BYTES_MAX ? "OVER" : "ok";
  isOver ||= verdict === "OVER";
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
  console.log(
    `${verdict.padEnd(5)}${name.padEnd(44)} js ${kb(js).padStart(9)}   css ${kb(css).padStart(8)}`,
  );
}

const shell = collect("index.html");
report("shell", shell, JS_BYTES_MAX);
// A page is what is loaded before it shows something; its budget holds with the shell included.
for (const page of PAGES) report(page, collect(page, new Set(shell)), JS_BYTES_MAX);
if (isOver) {
  console.error(
    `Over the budget of ${JS_BYTES_MAX / 1000} KB JS or ${CSS_BYTES_MAX / 1000} KB CSS, gzipped.`,
  );
  process.exit(1);
}

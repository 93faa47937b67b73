/** Which packages of others are in the built files, under which licences: third-party-licenses.txt beside the page. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Plugin } from "vite";

/** What may be in a wheel that anybody may use for anything. Another one stops the build. */
const PERMITTED = new Set([
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "0BSD",
  "Zlib",
  "(MIT AND Zlib)",
]);

interface Manifest {
  name: string;
  version: string;
  license?: string;
  dependencies?: Record<string, string>;
}

/** Of all modules in the build, and what the ones that come as one file were made of. */
export function listLicences(): Plugin {
  return {
    name: "list-licences",
    apply: "build",
    generateBundle() {
      const folders = new Set<string>();
      for (const id of this.getModuleIds()) {
        const found = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll("\\", "/"));
        if (found?.[1] !== undefined) collect(found[1], folders);
      }
      const texts = [...folders].map(describe).sort();
      this.emitFile({
        type: "asset",
        fileName: "third-party-licenses.txt",
        source: `The web page contains these packages of others, under their licences.\n\n${texts.join("\n")}`,
      });
    },
  };
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

function collect(folder: string, folders: Set<string>): void {
  if (folders.has(folder) || !existsSync(join(folder, "package.json"))) return;
  folders.add(folder);
  const find = createRequire(join(folder, "package.json"));
  for (const name of Object.keys(readManifest(folder).dependencies ?? {})) {
    const inner = find.resolve
      .paths(name)
      ?.map((place) => join(place, name))
      .find((place) => existsSync(join(place, "package.json")));
    if (inner !== undefined) collect(inner, folders);
  }
}

function describe(folder: string): string {
  const { name, version, license } = readManifest(folder);
  if (license === undefined || !PERMITTED.has(license)) {
    throw new Error(
      `${name} ${version} is under ${license}, which is not among the permitted ones`,
    );
  }
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)(\.\w+)?$/i.test(each));
  const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim();
  return `${"-".repeat(80)}\n${name} ${version}: ${license}\n\n${text}\n`;
}

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { listLicences } from "./scripts/licences.ts";

const server = process.env.STEELYARD_URL ?? "http://127.0.0.1:8080";
const staticDir = fileURLToPath(new URL("../src/steelyard/server/static", import.meta.url));
const serverPaths = [
  "/api",
  "/login/once",
  "/storage",
  "/files",
  "/graphql",
  "/artifacts/",
  "/artifactsV2/",
];

export default defineConfig({
  plugins: [react(), removeOldAssets(), compressAssets(), listLicences()],
  // Relative, so one build serves at `/` and behind any prefix: the server rewrites <base href="/">.
  base: "./",
  resolve: { tsconfigPaths: true },
  build: {
    outDir: staticDir,
    // The directory is a Python package: vite may not empty it, the plug-in below does.
    emptyOutDir: false,
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    target: "es2022",
    // Drawing in space and molecules are each one program, loaded when there is something to draw.
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      // 3Dmol evaluates callbacks that are given as text. None are, and our policy would not let it.
      checks: { eval: false },
      output: {
        codeSplitting: {
          groups: [
            {
              // What nearly every page needs, in one file: as several small ones it is 1.3 KB more to send.
              name: "shared",
              test: /src.ui.(Button|Icon|Menu|EmptyState|ErrorCard|CopyButton|Skeleton|Toast)|react-dom.index|react-dom.cjs.react-dom\.prod|@tanstack.(react-query|query-core)/,
              minShareCount: 6,
            },
            {
              // The same for pages with charts and lists: ten files of a few hundred bytes pack badly.
              name: "views",
              test: /src.(core.(live|useUrlState|urlState|useThrottledRefetch|color)|charts.(format|scheduler)|ui.(Input|IgnoredParams|StatusDot))\./,
              minShareCount: 2,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(serverPaths.map((path) => [path, { target: server }])),
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test-setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 60_000,
    css: { modules: { classNameStrategy: "non-scoped" } },
  },
});

/** The assets of the last build have other names; they would pile up in the wheel. */
function removeOldAssets(): Plugin {
  return {
    name: "remove-old-assets",
    apply: "build",
    generateBundle({ dir }) {
      if (dir !== undefined) rmSync(join(dir, "assets"), { recursive: true, force: true });
    },
  };
}

/** Larger ones are kept packed only, which the server unpacks when it must: twice Plotly is much for a wheel. */
const PLAIN_BYTES_MAX = 1_000_000;

/** The server sends `x.js.gz` in the place of `x.js` to browsers that take it: it need not pack. */
function compressAssets(): Plugin {
  return {
    name: "compress-assets",
    apply: "build",
    writeBundle({ dir }, bundle) {
      if (dir === undefined) return;
      for (const name of Object.keys(bundle).filter((each) => /\.(js|css)$/.test(each))) {
        const path = join(dir, name);
        const plain = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
        if (plain.length > PLAIN_BYTES_MAX) rmSync(path);
      }
    },
  };
}

/**
 * Chromium for the browser tests: one JSON message a line on stdin, one JSON answer a line on stdout.
 *
 *   {visit, verb, path, args} → {value} | {error, page}
 *
 * A visit is one person with a browser of their own: a context with its cookies, and one page in it. `path` is how
 * that person would find a thing: [role, name] pairs, each within the one before. Every verb waits for what it needs,
 * so nothing here or in the tests sleeps. Everything a visit must not do is noted: see `watch`.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** A loaded machine is slow, not wrong. */
const PATIENCE_MS = 45_000;
const CHROMIUM_FLAGS = [
  "--no-sandbox",
  // WebGL in software, for drawings in space; pages themselves are drawn as before.
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const visits = new Map();
let launched = null;

function launch() {
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  launched ??= chromium.launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
  return launched;
}

/** Verbs on a visit as a whole. */
const VISIT_VERBS = {
  async begin(_, { name, origin, cookies = [], scheme = "light", size = [1440, 900] }) {
    const browser = await launch();
    const context = await browser.newContext({
      baseURL: origin,
      viewport: { width: size[0], height: size[1] },
      colorScheme: scheme,
      reducedMotion: "reduce",
      locale: "en-US",
      acceptDownloads: true,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addCookies(cookies.map((cookie) => ({ ...cookie, url: origin })));
    const complaints = [];
    watch(context, origin, complaints);
    visits.set(name, { context, complaints, page: await context.newPage() });
  },
  async end({ context, complaints }, { name }) {
    visits.delete(name);
    await context.close();
    return complaints;
  },
  goto: async ({ page }, { path }) => void (await page.goto(path)),
  reload: async ({ page }) => void (await page.reload()),
  title: ({ page }) => page.title(),
  address: ({ page }) => page.url(),
  waitForAddress: ({ page }, { pattern }) => page.waitForURL(new RegExp(pattern)),
  press: ({ page }, { key }) => page.keyboard.press(key),
  evaluate: ({ page }, { script }) => page.evaluate(script),
  forgetCookies: ({ context }) => context.clearCookies(),
  scheme: ({ page }, { scheme }) => page.emulateMedia({ colorScheme: scheme }),
  screenshot: async ({ page }, { file }) => void (await page.screenshot({ path: file })),
  async findAccessibilityProblems({ page }) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    return violations.flatMap(({ id, nodes }) =>
      // An open menu hangs at the end of the body, beside all landmarks: that is how menus are made.
      nodes
        .filter((node) => id !== "region" || !node.html.includes("data-radix-popper-co"))
        .map((node) => `${id}: ${node.html} ${node.failureSummary}`),
    );
  },
};

/** Verbs on one thing of the page. */
const TARGET_VERBS = {
  see: (target) => target.first().waitFor({ state: "visible" }),
  vanish: (target) => target.waitFor({ state: "hidden" }),
  click: (target) => target.click(),
  focus: (target) => target.focus(),
  fill: (target, { text }) => target.fill(text),
  type: (target, { text }) => target.pressSequentially(text),
  pressKey: (target, { key }) => target.press(key),
  select: async (target, { option }) => void (await target.selectOption(option)),
  text: (target) => target.innerText(),
  texts: (target) => target.allInnerTexts(),
  waitForText: (target, { pattern }) =>
    target
      .filter({ hasText: new RegExp(pattern) })
      .first()
      .waitFor(),
  value: (target) => target.inputValue(),
  attribute: (target, { name }) => target.getAttribute(name),
  waitForAttribute: (target, { name }) =>
    target.and(target.page().locator(`[${name}]`)).first().waitFor({ state: "attached" }),
  count: (target) => target.count(),
  async table(target) {
    await target.first().waitFor();
    return target.evaluate((table) =>
      Array.from(table.querySelectorAll("tr"), (row) =>
        Array.from(row.querySelectorAll("th, td"), (cell) => cell.innerText.trim()),
      ),
    );
  },
  /** Moves the pointer to a share of the width and height of the thing. */
  async hover(target, { x, y }) {
    const { width, height } = await target.boundingBox();
    await target.hover({ position: { x: width * x, y: height * y } });
  },
  async download(target, { file }) {
    const [download] = await Promise.all([target.page().waitForEvent("download"), target.click()]);
    await download.saveAs(file);
    return download.suggestedFilename();
  },
};

/** Notes requests that leave the server, what the console says, errors nobody caught, and broken security policies. */
function watch(context, origin, complaints) {
  context.on("request", (request) => {
    const url = new URL(request.url());
    const isLocal = url.protocol === "data:" || url.protocol === "blob:";
    if (!isLocal && url.origin !== origin) complaints.push(`left the server: ${request.url()}`);
  });
  context.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => complaints.push(`uncaught: ${error.error().stack}`));
  context.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
}

function find(page, path) {
  return path.reduce((place, [role, name]) => {
    const text = name === null ? undefined : parseName(name);
    if (role === "text") return place.getByText(text, { exact: true });
    if (role === "title") return place.getByTitle(text, { exact: true });
    if (role === "label") return place.getByLabel(text, { exact: true });
    return place.getByRole(role, text === undefined ? {} : { name: text, exact: true });
  }, page);
}

/** `/…/` is an expression, anything else the exact name. */
function parseName(name) {
  const pattern = /^\/(.*)\/$/s.exec(name)?.[1];
  return pattern === undefined ? name : new RegExp(pattern);
}

async function answer({ visit: name, verb, path = [], args = {} }) {
  const visit = visits.get(name);
  try {
    const value =
      path.length > 0
        ? await TARGET_VERBS[verb](find(visit.page, path), args)
        : await VISIT_VERBS[verb](visit, { name, ...args });
    return { value: value ?? null };
  } catch (error) {
    return { error: String(error.message), page: visit && (await describe(visit.page)) };
  }
}

/** What somebody who cannot see the page is told of it: enough to find out why a step failed. */
async function describe(page) {
  try {
    const tree = await page.locator("body").ariaSnapshot({ timeout: 5_000 });
    return `${page.url()}\n${tree}`;
  } catch (error) {
    return `${page.url()}\n${error.message}`;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
await (await launched)?.close();

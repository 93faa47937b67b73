/**
 * CPU of pages that hold much, in Chromium: the figures of bench/tables and bench/artifacts that are of a browser, and
 * those of the page of a sweep (bench/browser/sweeps.py).
 *
 *   node bench/browser/measure.mjs ORIGIN COOKIE PATH table|lineage|sweep
 *
 * COOKIE is name=value of a signed-in session, PATH the page: a table of a million rows, the lineage of a version, or a
 * sweep. One line of JSON for each thing that is done. `cpu_ms` is the user and system time of the renderer's main
 * thread, from /proc, so that other work on the machine does not count; `all_cpu_ms_per_frame` that of all threads of
 * the renderer and of the process that draws, which without a GPU is much; `longest_ms` the longest task and `wall_ms`
 * all of it by the clock.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const [origin, cookie, path, what] = process.argv.slice(2);
const [name, value] = cookie.split(/=(.*)/s);
const FRAMES = 40;
const TICK_MS = 10;

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ baseURL: origin, viewport: { width: 1440, height: 900 } });
context.setDefaultTimeout(120_000);
await context.addCookies([{ name, value, url: origin }]);
const page = await context.newPage();
const inside = await browser.newBrowserCDPSession();
await page.addInitScript(() => {
  globalThis.longs = [];
  const note = (list) => globalThis.longs.push(...list.getEntries().map((entry) => entry.duration));
  new PerformanceObserver(note).observe({ type: "longtask", buffered: true });
});

function ticksMs(file) {
  const stat = readFileSync(file, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function cpuMs() {
  const { processInfo } = await inside.send("SystemInfo.getProcessInfo");
  const [renderers, drawers] = ["renderer", "GPU"].map((kind) =>
    processInfo.filter(({ type }) => type === kind).map(({ id }) => id),
  );
  const sum = (files) => files.reduce((total, file) => total + ticksMs(file), 0);
  return {
    main: sum(renderers.map((id) => `/proc/${id}/task/${id}/stat`)),
    all: sum([...renderers, ...drawers].map((id) => `/proc/${id}/stat`)),
  };
}

async function measured(name, work) {
  await page.evaluate(() => void (globalThis.longs = []));
  const before = await cpuMs();
  const beginMs = performance.now();
  const frames = (await work()) ?? 1;
  const wallMs = Math.round(performance.now() - beginMs);
  const after = await cpuMs();
  const cpu = after.main - before.main;
  const seen = await page.evaluate(() => ({
    longest_ms: Math.round(Math.max(0, ...(globalThis.longs ?? []))),
    elements: document.getElementsByTagName("*").length,
    rows: document.querySelectorAll("[role=row]").length,
  }));
  const perFrame = (ms) => Number((ms / frames).toFixed(1));
  console.log(
    JSON.stringify({
      ...{ name, frames, cpu_ms: cpu, cpu_ms_per_frame: perFrame(cpu) },
      ...{ all_cpu_ms_per_frame: perFrame(after.all - before.all), wall_ms: wallMs },
      ...seen,
    }),
  );
}

const frame = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done())));

async function repeat(count, step) {
  for (let i = 0; i < count; i++) {
    await step(i);
    await frame();
  }
  return count;
}

async function measureTable() {
  const grid = page.getByRole("grid");
  const isWhole = () =>
    page.waitForFunction(() => {
      const shown = document.querySelectorAll("[role=gridcell]");
      return shown.length > 50 && [...shown].every((cell) => cell.textContent !== "");
    });
  // Within the page: a step from outside is several frames long.
  const scroll = (step) =>
    grid.evaluate(
      async (element, [by, count]) => {
        for (let i = 0; i < count; i++) {
          element.scrollTop += by;
          await new Promise((done) => requestAnimationFrame(() => done()));
        }
        return count;
      },
      [step, FRAMES],
    );
  const jump = (share) => async () => {
    await grid.evaluate((element, part) => {
      element.scrollTop = (element.scrollHeight - element.clientHeight) * part;
    }, share);
    await isWhole();
  };
  await measured("open", async () => {
    await page.goto(path);
    await isWhole();
  });
  await measured("scroll by 100 px", () => scroll(100));
  await measured("scroll by 3,000 px", () => scroll(3_000));
  await measured("jump to the middle", jump(0.5));
  await measured("jump to the end", jump(1));
  await measured("sort by the first column", async () => {
    await grid.getByRole("columnheader").nth(1).getByRole("button").first().click();
    await page.waitForURL(/sort=/);
    await isWhole();
  });
}

async function measureLineage() {
  const graph = page.getByRole("group", { name: /^Lineage/ });
  await measured("open", async () => {
    await page.goto(path);
    await page.locator("[data-node]").first().waitFor();
  });
  const box = await graph.boundingBox();
  const root = await page.locator("[data-node][data-root]").boundingBox();
  const zoom = (by) => async () => {
    await page.mouse.move(root.x + 5, root.y + 5);
    await page.keyboard.down("Control");
    const count = await repeat(FRAMES, () => page.mouse.wheel(0, by));
    await page.keyboard.up("Control");
    return count;
  };
  await measured("drag", async () => {
    await page.mouse.move(box.x + 30, box.y + 30);
    await page.mouse.down();
    const count = await repeat(FRAMES, (i) => page.mouse.move(box.x + 30 + 8 * i, box.y + 30 + 4 * i));
    await page.mouse.up();
    return count;
  });
  await page.getByRole("button", { name: "Fit into view" }).click();
  await measured("zoom in", zoom(-40));
  await measured("zoom out", zoom(40));
  await measured("hover", () =>
    repeat(FRAMES, (i) =>
      page.mouse.move(box.x + ((37 * i) % box.width), box.y + ((53 * i) % box.height)),
    ),
  );
  await page.locator("[data-node]").nth(3).focus();
  const keys = ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft"];
  await measured("walk by keys", () => repeat(20, (i) => page.keyboard.press(keys[i % keys.length])));
  await measured("as a table", async () => {
    await page.getByRole("button", { name: "View as table" }).click();
    await page.getByRole("table").waitFor();
  });
}

async function measureSweep() {
  const plot = page.getByTestId("parallel-plot");
  const isWhole = () =>
    page.waitForFunction(() => {
      const cells = document.querySelectorAll("[role=gridcell]");
      const lines = document.querySelector("canvas[data-layer=all]");
      return cells.length > 20 && lines !== null && lines.width > 300;
    });
  const open = async () => {
    await page.goto(path);
    await isWhole();
    await frame();
  };
  // The browser's own start, and the code of the page, are not what is asked for.
  await measured("open, first", open);
  await measured("open", open);
  const box = await plot.boundingBox();
  const heads = await page.locator("[data-drawing=parallel] [data-group]").count();
  const first = box.x + 64;
  const gap = (box.width - 64 - 56) / (heads - 1);
  const drag = (axis, from, to) => async () => {
    const x = first + axis * gap;
    const y = (share) => box.y + 12 + share * (box.height - 60);
    await page.mouse.move(x, y(from));
    await page.mouse.down();
    const count = await repeat(FRAMES, (i) =>
      page.mouse.move(x, y(from + ((to - from) * (i + 1)) / FRAMES)),
    );
    await page.mouse.up();
    return count;
  };
  await measured("brush the first axis", drag(0, 0.05, 0.95));
  await measured("brush it further", drag(heads - 1, 0.95, 0.1));
  await measured("brush a third axis", drag(3, 0.1, 0.8));
  await measured("hover", () =>
    repeat(FRAMES, (i) =>
      page.mouse.move(box.x + ((37 * i) % box.width), box.y + 20 + ((53 * i) % (box.height - 60))),
    ),
  );
  await measured("clear", async () => {
    await page.getByRole("button", { name: "Clear", exact: true }).click();
    await frame();
  });
  await measured("sort by the metric", async () => {
    await page.getByRole("grid").getByRole("columnheader").nth(3).getByRole("button").click();
    await page.waitForURL(/sort=/);
  });
}

const scenarios = { table: measureTable, lineage: measureLineage, sweep: measureSweep };
await scenarios[what]();
await browser.close();

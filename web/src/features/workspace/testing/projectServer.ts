/** A server with one project, behind `fetch` and `EventSource`, for tests of pages with charts. */

import type { MetricKey, RunRow, RunsQuery } from "~/api/types";
import type { SeriesQuery } from "~/core/seriesLoader";
import { encodeFrame, streamOf } from "~/core/testing/encodeFrame";

const POINTS = 10;

export class ProjectServer {
  rows: RunRow[] = [];
  keys: MetricKey[] = [
    { key: "eval/acc", kind: "number", run_count: 1, last_step: 9 },
    { key: "samples", kind: "media", run_count: 1, last_step: 9 },
    { key: "train/loss", kind: "number", run_count: 1, last_step: 9 },
  ];
  seriesQueries: SeriesQuery[] = [];
  /** Factor on all values, to see whether new ones arrived. */
  scale = 1;
  #failing: { path: string; status: number } | null = null;

  /** Newest first, as the server lists them. */
  addRuns(count: number): void {
    for (let i = 0; i < count; i++) this.rows.unshift(makeRow(this.rows.length + 1));
  }

  fail(path: string | null, status = 500): void {
    this.#failing = path === null ? null : { path, status };
  }

  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input), "http://test");
    if (this.#failing !== null && url.pathname.endsWith(this.#failing.path)) {
      const { status } = this.#failing;
      const problem = { title: "Error", status, code: "broken", detail: "made to fail" };
      return Response.json(problem, { status });
    }
    const body = (): unknown => JSON.parse(String(init?.body));
    if (url.pathname.endsWith("/runs:query")) return this.#listRuns(body() as RunsQuery);
    if (url.pathname.endsWith("/keys")) return this.#listKeys(url.searchParams);
    if (url.pathname.endsWith("/media:query")) {
      return Response.json({ items: [], next_cursor: null, total: 0 });
    }
    if (url.pathname.endsWith("/series:query")) return this.#drawSeries(body() as SeriesQuery);
    return Response.json({ title: "Not found", status: 404, code: "not_found" }, { status: 404 });
  };

  #listRuns({ search }: RunsQuery): Response {
    const items = this.rows.filter((row) => row.display_name.includes(search ?? ""));
    return Response.json({ items, next_cursor: null, total: items.length });
  }

  #listKeys(query: URLSearchParams): Response {
    const search = query.get("search") ?? "";
    const pattern = /^\/(.*)\/i?$/.exec(search)?.[1];
    const found = this.keys.filter(({ key }) =>
      pattern === undefined ? key.includes(search) : new RegExp(pattern).test(key),
    );
    const start = Number(query.get("cursor") ?? 0);
    const end = start + Number(query.get("limit") ?? found.length);
    return Response.json({
      items: found.slice(start, end),
      next_cursor: end < found.length ? String(end) : null,
      total: found.length,
    });
  }

  #drawSeries(query: SeriesQuery): Response {
    this.seriesQueries.push(query);
    const grid = Array.from({ length: POINTS }, (_, i) => i);
    const values = grid.map((i) => (1 - i / POINTS) * this.scale);
    const known = new Set(this.rows.map((row) => row.name));
    const series = Object.fromEntries(
      query.runs.filter((run) => known.has(run)).map((run) => [run, values]),
    );
    const x = { axis: query.x.axis, key: query.x.key ?? null };
    const frames = query.panels.map(({ id, key }, panelIndex) =>
      encodeFrame({ panelIndex, grid, series, meta: { panel: id, key, x } }),
    );
    return new Response(streamOf(...frames));
  }
}

function makeRow(number: number): RunRow {
  return {
    name: `run-${number}`,
    display_name: `brisk-${number}`,
    state: number % 2 === 0 ? "running" : "finished",
    created_at_us: number * 1_000_000,
    updated_at_us: number * 1_000_000,
    heartbeat_at_us: number * 1_000_000,
    finished_at_us: null,
    duration_s: number,
    username: "ada",
    group: null,
    job_type: null,
    tags: [],
    notes: null,
    sweep: null,
    color: null,
    entity: "acme",
    project: "mnist",
    columns: {},
  };
}

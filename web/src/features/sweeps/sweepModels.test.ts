import { describe, expect, it } from "vitest";
import { readUrl, writeUrl } from "~/core/urlState";
import { listBest } from "./bestModel";
import { joinColumns } from "./data";
import { diffLines, onlyChanges } from "./lineDiff";
import { countOutcomes, describeCounts, listCounted } from "./outcomes";
import { MISSING } from "./selection";
import { sweepParams } from "./sweepParams";
import { keptOf } from "./TrialsTab";
import { makeColumns } from "./testing/sweepServer";
import { formatMetric, listTableColumns, nextSort, sortRows } from "./trialTable";

const columns = joinColumns([makeColumns()]);
const all = Int32Array.of(0, 1, 2, 3, 4);

describe("columns of trials", () => {
  it("are numbers, with NaN for what is missing, and places for categories", () => {
    const [lr, opt] = columns.parameters;
    expect([...(lr?.numbers ?? [])]).toEqual([0.001, 0.01, 0.05, 0.0005, 0.002]);
    expect([...(opt?.numbers ?? [])]).toEqual([0, 1, 0, 1, 0]);
    expect([...(columns.metrics[0]?.numbers ?? [])]).toEqual([
      0.5,
      0.2,
      0.6,
      Number.NaN,
      Number.NaN,
    ]);
    expect(columns.names).toEqual(["brisk-0", "brisk-1", "brisk-2", "brisk-3", "r4"]);
    expect(columns.outcomes).toEqual(["complete", "complete", "stopped", "failed", "running"]);
  });

  it("of several pages are joined, also where one page lacks a parameter", () => {
    const second = makeColumns();
    const page = { ...second, index: [5, 6, 7, 8, 9], parameters: second.parameters.slice(1) };
    page.parameters = [
      { ...page.parameters[0], cells: ["adam", "lion", null, "sgd", "adam"] },
    ] as never;
    const joined = joinColumns([makeColumns(), page]);
    expect(joined.count).toBe(10);
    expect([...(joined.parameters[0]?.numbers.slice(4) ?? [])]).toEqual([
      0.002,
      ...Array(5).fill(Number.NaN),
    ]);
    expect(joined.parameters[1]?.labels).toEqual(["adam", "sgd", "lion"]);
    expect([...(joined.parameters[1]?.numbers.slice(5) ?? [])]).toEqual([0, 2, Number.NaN, 1, 0]);
  });

  it("have the mean and the spread of trials of several runs", () => {
    const [metric] = makeColumns().metrics;
    const spread = [0.1, null, null, null, null];
    const runs = ["r0", "r1", "r2", "r3", "r4"].map((run) => [run, `${run}-b`]);
    const folded = joinColumns([
      makeColumns({ metrics: [{ ...metric, spread }] as never, fold_runs: runs }),
    ]);
    expect(folded.metrics[0]?.std?.[0]).toBe(0.1);
    expect(folded.runsOf[4]).toEqual(["r4", "r4-b"]);
    expect(columns.metrics[0]?.std).toBeNull();
    expect(columns.runsOf[4]).toEqual(["r4"]);
  });

  it("are counted by outcome, each by itself", () => {
    const counts = countOutcomes(columns.outcomes);
    expect(describeCounts(counts)).toBe("2 complete, 1 stopped early, 1 failed, 1 running");
    expect(describeCounts(counts, ["stopped", "running"])).toBe("2 complete, 1 failed");
    expect([...listCounted(columns, ["stopped"])]).toEqual([0, 1, 3, 4]);
  });
});

describe("the best so far", () => {
  it("goes by the order in which trials ended, and leaves out those without a value", () => {
    const { points, best, missingCount } = listBest(columns, all, "trials");
    expect(points.map(({ x, y, isBest }) => [x, y, isBest])).toEqual([
      [1, 0.5, true],
      [2, 0.2, true],
      [3, 0.6, false],
    ]);
    expect(best?.row).toBe(1);
    expect(missingCount).toBe(1);
  });

  it("is against the time since the first trial, or what all of them took until then", () => {
    expect(listBest(columns, all, "time").points.map(({ x }) => x)).toEqual([60, 120, 180]);
    const spent = listBest(columns, all, "cost");
    expect([spent.unit, ...spent.points.map(({ x }) => x)]).toEqual(["seconds", 60, 180, 210]);
    const paid = joinColumns([makeColumns({ usd: [1, 2, 3, null, null] })]);
    expect(listBest(paid, all, "cost")).toMatchObject({ unit: "usd" });
  });

  it("of a metric to be made large is the largest, of the counted trials only", () => {
    const [metric] = makeColumns().metrics;
    const large = joinColumns([
      makeColumns({ metrics: [{ ...metric, goal: "maximize" }] as never }),
    ]);
    expect(listBest(large, all, "trials").best?.y).toBe(0.6);
    expect(listBest(large, Int32Array.of(0, 1), "trials").best?.y).toBe(0.5);
  });
});

describe("the table of trials", () => {
  it("is sorted by numbers, texts and states, what has no value last both ways", () => {
    const table = listTableColumns(columns);
    const by = (id: string, isDown: boolean) =>
      sortRows(
        all,
        table.find((column) => column.id === id),
        isDown,
      );
    expect(by("metric:loss", false)).toEqual([1, 0, 2, 3, 4]);
    expect(by("metric:loss", true)).toEqual([2, 0, 1, 3, 4]);
    expect(by("outcome", false)).toEqual([0, 1, 2, 3, 4]);
    expect(by("name", true)).toEqual([4, 3, 2, 1, 0]);
    expect(by("no such column", true)).toEqual([0, 1, 2, 3, 4]);
    expect(["", "a", "-a", "b"].map((sort) => nextSort(sort, "a"))).toEqual(["a", "-a", "", "a"]);
  });

  it("shows where runs were only when somebody told, and the spread of trials of several runs", () => {
    const labels = listTableColumns(columns).map(({ label }) => label);
    expect(labels).toContain("Slurm task");
    expect(labels).not.toContain("GPU");
    const [metric] = columns.metrics;
    if (metric === undefined) throw new Error("no metric");
    expect(formatMetric({ ...metric, std: Float64Array.of(0.0123) }, 0)).toBe("0.5 ± 0.012");
    expect(formatMetric(metric, 3)).toBe("–");
  });
});

describe("what is brushed", () => {
  it("is in the address and comes back from it", () => {
    const brush = new Map([
      ["parameter:a~b%", [[0.001, 0.5], MISSING]],
      ["metric:loss", [[-1e-7, 2]]],
    ] as const);
    const search = writeUrl(sweepParams, new URLSearchParams(), { brush, hide: ["stopped"] });
    const { state, ignored } = readUrl(sweepParams, new URLSearchParams(search.toString()));
    expect(ignored).toEqual([]);
    expect([...state.brush]).toEqual([...brush]);
    expect(state.hide).toEqual(["stopped"]);
    const odd = readUrl(sweepParams, new URLSearchParams("brush=x~5..1&hide=nothing"));
    expect(odd.ignored).toEqual(["brush=x~5..1", "hide=nothing"]);
  });

  it("is what is left of the space: values of categories, ranges of numbers", () => {
    const brushes = new Map([
      ["parameter:lr", [[0.001, 0.01], MISSING]],
      ["parameter:opt", [[1, 1]]],
      ["metric:loss", [[0, 1]]],
    ] as const);
    expect(keptOf(columns, brushes)).toEqual({
      lr: { ranges: [[0.001, 0.01]] },
      opt: { ranges: [], values: ["sgd"] },
    });
  });
});

describe("the difference of two texts", () => {
  it("is as few lines as can be, and both texts are in it", () => {
    const [before, after] = ["a\nb\nc\nd\ne", "a\nc\nx\nd\ne\nf"];
    const lines = diffLines(before, after) ?? [];
    expect(
      lines.filter(({ kind }) => kind !== "same").map(({ kind, text }) => kind + text),
    ).toEqual(["removedb", "addedx", "addedf"]);
    const text = (...kinds: string[]) =>
      lines
        .filter(({ kind }) => kinds.includes(kind))
        .map((line) => line.text)
        .join("\n");
    expect(text("same", "removed")).toBe(before);
    expect(text("same", "added")).toBe(after);
  });

  it("is shown with the lines around it, and gaps for the others", () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    const after = before.with(10, "other");
    const lines = diffLines(before.join("\n"), after.join("\n")) ?? [];
    const shown = onlyChanges(lines, 1).map((line) => line?.text ?? null);
    expect(shown).toEqual([null, "line 9", "line 10", "other", "line 11", null]);
  });

  it("is not looked for in texts that are too long", () => {
    const long = (word: string) => Array.from({ length: 4_000 }, (_, i) => word + i).join("\n");
    expect(diffLines(long("a"), long("b"))).toBeNull();
  });
});

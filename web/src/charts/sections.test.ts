import { expect, it } from "vitest";
import type { MetricKey } from "~/api/types";
import { findSearchProblem } from "./ChartControls";
import { toSearch } from "./panelQueries";
import { groupKeys, pickByCoverage } from "./sections";
import { getPanelWidth } from "./useBoardWidth";

const key = (name: string, kind: MetricKey["kind"] = "number"): MetricKey => ({
  key: name,
  kind,
  run_count: 1,
  last_step: 1,
});

it("panels are put into sections by prefix, unprefixed ones first, in natural order", () => {
  const keys = ["train/loss", "reward", "layer/10/w", "layer/2/w", "eval/acc"].map((name) =>
    key(name),
  );
  expect(groupKeys(keys, "history").sections).toEqual([
    { name: "Charts", keys: ["reward"] },
    { name: "eval", keys: ["eval/acc"] },
    { name: "layer", keys: ["layer/2/w", "layer/10/w"] },
    { name: "train", keys: ["train/loss"] },
  ]);
});

it("of many keys those that most runs have come first", () => {
  const rare = key("a/rare");
  const common = { ...key("b/common"), run_count: 9 };
  expect(pickByCoverage([rare, common], 1)).toEqual([common]);
  expect(pickByCoverage([rare, common], 5)).toEqual([rare, common]);
});

it("a slash at an end is part of the name", () => {
  const names = ["/loss", "loss/"];
  expect(
    groupKeys(
      names.map((name) => key(name)),
      "history",
    ).sections,
  ).toEqual([{ name: "Charts", keys: names }]);
});

it("dots separate sections of system metrics only", () => {
  expect(groupKeys([key("gpu.0.temp")], "system").sections[0]?.name).toBe("gpu");
  expect(groupKeys([key("model.loss")], "history").sections[0]?.name).toBe("Charts");
});

it("what is not a number or is bookkeeping is listed apart, never dropped", () => {
  const { sections, notNumeric, internal } = groupKeys(
    [key("sample", "media"), key("note", "text"), key("_runtime"), key("hist", "histogram")],
    "history",
  );
  expect(sections).toEqual([]);
  expect(notNumeric.map((item) => item.key)).toEqual(["sample", "note", "hist"]);
  expect(internal.map((item) => item.key)).toEqual(["_runtime"]);
});

it("a search with signs of an expression is sent as one", () => {
  expect(toSearch("train/loss")).toBe("train/loss");
  expect(toSearch("loss|acc")).toBe("/loss|acc/i");
  expect(toSearch("/^train/")).toBe("/^train/");
  expect(findSearchProblem("/(/")).not.toBeNull();
  expect(findSearchProblem("/loss/i")).toBeNull();
  expect(findSearchProblem("(")).toBeNull();
});

it("a board has as many columns as fit", () => {
  expect(getPanelWidth(1160)).toEqual({ columns: 3, panelWidth: 370 });
  expect(getPanelWidth(320)).toEqual({ columns: 1, panelWidth: 296 });
});

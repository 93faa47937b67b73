import { describe, expect, it, vi } from "vitest";
import { MISSING, TrialSelection } from "./selection";

const IDS = Int32Array.of(10, 11, 12, 13);
const AXES = new Map([
  ["parameter:x", Float64Array.of(0, 1, 2, Number.NaN)],
  ["metric:loss", Float64Array.of(4, 3, 2, 1)],
]);

function makeSelection() {
  const selection = new TrialSelection();
  selection.setTrials(IDS, AXES);
  return selection;
}

describe("a selection of trials", () => {
  it("is all of them until something is brushed", () => {
    const selection = makeSelection();
    expect(selection.mask).toBeNull();
    expect(selection.count).toBe(4);
    expect(selection.listIds()).toEqual([10, 11, 12, 13]);
  });

  it("holds what lies in any range of an axis, and in ranges of every brushed axis", () => {
    const selection = makeSelection();
    selection.brush("parameter:x", [
      [0, 0],
      [2, 5],
    ]);
    expect(selection.listIds()).toEqual([10, 12]);
    selection.brush("metric:loss", [[1, 2]]);
    expect(selection.listIds()).toEqual([12]);
    selection.brush("parameter:x", []);
    expect(selection.listIds()).toEqual([12, 13]);
  });

  it("has what has no value only where that is chosen", () => {
    const selection = makeSelection();
    selection.brush("parameter:x", [[0, 9]]);
    expect(selection.listIds()).toEqual([10, 11, 12]);
    selection.brush("parameter:x", [MISSING]);
    expect(selection.listIds()).toEqual([13]);
  });

  it("is narrowed by what a chart picked, and freed at once", () => {
    const selection = makeSelection();
    selection.brush("metric:loss", [[2, 9]]);
    selection.pick([12, 13]);
    expect(selection.listIds()).toEqual([12]);
    selection.clear();
    expect(selection.count).toBe(4);
  });

  it("is not narrowed by an axis that is gone, and stays when trials come", () => {
    const selection = makeSelection();
    selection.brush("parameter:gone", [[0, 1]]);
    expect(selection.count).toBe(4);
    selection.brush("metric:loss", [[0, 1]]);
    selection.setTrials(
      Int32Array.of(10, 11, 12, 13, 14),
      new Map([["metric:loss", Float64Array.of(4, 3, 2, 1, 0)]]),
    );
    expect(selection.listIds()).toEqual([13, 14]);
  });

  it("tells of changes, and of the trial that is pointed at only when it is another", () => {
    const selection = makeSelection();
    const [changed, hovered] = [vi.fn(), vi.fn()];
    selection.subscribe(changed);
    selection.subscribeHover(hovered);
    selection.hover(11);
    selection.hover(11);
    expect(hovered).toHaveBeenCalledTimes(1);
    expect(changed).not.toHaveBeenCalled();
    selection.brush("metric:loss", [[0, 1]]);
    expect(changed).toHaveBeenCalledTimes(1);
  });
});

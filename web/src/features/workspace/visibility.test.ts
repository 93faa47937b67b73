// @vitest-environment node
import { describe, expect, it } from "vitest";
import { listVisible, toggleRun, type Visibility } from "./visibility";

const listed = ["e", "d", "c", "b", "a"];
const initial: Visibility = { show: 2, hide: [], also: [], solo: "" };
const switched = (name: string, from = initial): Visibility => ({
  ...from,
  ...toggleRun(listed, from, name),
});

describe("visible runs", () => {
  it("are the first of the list", () => {
    expect(listVisible(listed, initial)).toEqual(["e", "d"]);
  });

  it("lose a run that is switched off and get it back", () => {
    const off = switched("e");
    expect(listVisible(listed, off)).toEqual(["d"]);
    expect(switched("e", off)).toEqual(initial);
  });

  it("get a run from further down, also one that is not loaded", () => {
    expect(listVisible(listed, switched("a"))).toEqual(["e", "d", "a"]);
    expect(listVisible(listed, switched("far away"))).toEqual(["e", "d", "far away"]);
    expect(switched("a", switched("a"))).toEqual(initial);
  });

  it("take in a new run at the top without forgetting the others' switches", () => {
    expect(listVisible(["f", ...listed], switched("a"))).toEqual(["f", "e", "a"]);
  });

  it("are one run in solo, and all others again when it is switched off", () => {
    const solo = { ...initial, solo: "b" };
    expect(listVisible(listed, solo)).toEqual(["b"]);
    expect(listVisible(listed, switched("b", solo))).toEqual(["e", "d"]);
  });

  it("are two when another joins the solo run", () => {
    expect(listVisible(listed, switched("e", { ...initial, solo: "b" }))).toEqual(["b", "e"]);
  });
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import {
  choiceParam,
  countParam,
  namesParam,
  numberParam,
  rangeParam,
  readUrl,
  switchParam,
  textParam,
  writeUrl,
} from "./urlState";

const schema = {
  q: textParam(10),
  y: choiceParam(["linear", "log"] as const),
  smooth: numberParam(0, 0, 0.999),
  show: countParam(10, 200),
  band: switchParam(true),
  hide: namesParam(3),
  zoom: rangeParam(),
};

const read = (text: string) => readUrl(schema, new URLSearchParams(text));

describe("view state in the URL", () => {
  it("is the default when the URL says nothing", () => {
    expect(read("")).toEqual({
      state: { q: "", y: "linear", smooth: 0, show: 10, band: true, hide: [], zoom: null },
      ignored: [],
    });
  });

  it("comes back as it was written", () => {
    const state = {
      q: "/a&b=c/",
      y: "log" as const,
      smooth: 0.6,
      show: 0,
      band: false,
      hide: ["a,b", "ünï ☃"],
      zoom: [-1.5, 3e9] as const,
    };
    const text = writeUrl(schema, new URLSearchParams(), state).toString();
    expect(read(text)).toEqual({ state, ignored: [] });
  });

  it("keeps parameters it does not know", () => {
    const next = writeUrl(schema, new URLSearchParams("v=abc&smooth=0.5&utm=1"), { smooth: 0 });
    expect(next.toString()).toBe("v=abc&utm=1");
  });

  it("leaves defaults out of the link", () => {
    const next = writeUrl(schema, new URLSearchParams(), {
      y: "linear",
      show: 10,
      band: true,
      hide: [],
    });
    expect(next.toString()).toBe("");
  });

  it.each([
    "y=cubic",
    "smooth=2",
    "smooth=",
    "smooth=abc",
    "show=1.5",
    "show=-1",
    "band=yes",
    "zoom=5",
    "zoom=5,1",
    "zoom=a,b",
    "zoom=1,2,3",
    "zoom=,2",
    "q=longer-than-ten",
  ])("reports %s as ignored and uses the default", (text) => {
    const { state, ignored } = read(text);
    expect(ignored).toEqual([text]);
    expect(state).toEqual(read("").state);
  });
});

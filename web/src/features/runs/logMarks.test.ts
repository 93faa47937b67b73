import { describe, expect, it } from "vitest";
import { compileFind, markLine } from "./logMarks";

function shown(text: string, find: string): string {
  return markLine(text, compileFind(find))
    .map((piece) => (piece.isHit ? `[${piece.text}]` : piece.text))
    .join("");
}

describe("search hits in a line", () => {
  it("are cut out of the text around them", () => {
    expect(shown("loss NaN at step 3, NaN again", "NaN")).toBe("loss [NaN] at step 3, [NaN] again");
    expect(shown("NaN", "NaN")).toBe("[NaN]");
  });

  it("go on across a change of colour", () => {
    expect(shown("lo\u001b[31mss\u001b[0m=1", "loss")).toBe("[lo][ss]=1");
  });

  it("are none for an empty match, an empty search and a pattern the browser cannot read", () => {
    expect(shown("abc", "x*")).toBe("abc");
    expect(shown("abc", "")).toBe("abc");
    expect(shown("abc", "(?P<name>a)")).toBe("abc");
  });
});

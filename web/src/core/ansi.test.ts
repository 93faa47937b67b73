import { describe, expect, it } from "vitest";
import { applySgr, COLUMNS_MAX, PLAIN, parseAnsiLine, stripAnsi } from "./ansi";

const ESC = "\u001b";

describe("colours", () => {
  it("leaves a line without codes as one plain piece", () => {
    expect(parseAnsiLine("epoch 1 loss=0.3")).toEqual([{ text: "epoch 1 loss=0.3", style: PLAIN }]);
    expect(parseAnsiLine("")).toEqual([]);
  });

  it("splits a line where the style changes", () => {
    const pieces = parseAnsiLine(`${ESC}[1;31mWARN${ESC}[0m grad norm`);
    expect(pieces.map((piece) => piece.text)).toEqual(["WARN", " grad norm"]);
    expect(pieces[0]?.style).toMatchObject({ foreground: "red", isBold: true });
    expect(pieces[1]?.style).toEqual(PLAIN);
  });

  it.each([
    ["92", { foreground: "bright-green" }],
    ["44", { background: "blue" }],
    ["103", { background: "bright-yellow" }],
    ["38;5;9", { foreground: "bright-red" }],
    ["38;5;196", { foreground: "rgb(255 0 0)" }],
    ["48;5;232", { background: "rgb(8 8 8)" }],
    ["38;2;1;2;300", { foreground: "rgb(1 2 255)" }],
    ["38:2:1:2:3", { foreground: "rgb(1 2 3)" }],
    [
      "4;9;3;7;2",
      { isUnderlined: true, isStruck: true, isItalic: true, isInverse: true, isDim: true },
    ],
  ])("reads SGR %s", (parameters, expected) => {
    expect(applySgr(PLAIN, parameters)).toMatchObject(expected);
  });

  it("takes styles back one by one and all at once", () => {
    const loud = applySgr(PLAIN, "1;2;3;4;7;9;31;42");
    expect(applySgr(loud, "22;23;24;27;29;39;49")).toEqual(PLAIN);
    expect(applySgr(loud, "")).toBe(PLAIN);
  });

  it("ignores colours that do not exist and goes on", () => {
    expect(applySgr(PLAIN, "38;5;999;1")).toMatchObject({ foreground: null, isBold: true });
    expect(applySgr(PLAIN, "38")).toEqual(PLAIN);
  });
});

describe("the cursor", () => {
  it("keeps only the last state of a progress bar", () => {
    expect(stripAnsi(" 10%|#   |\r 50%|##  |\r100%|####|")).toBe("100%|####|");
  });

  it("keeps what a shorter rewrite does not cover, as a terminal does", () => {
    expect(stripAnsi("abcdef\rXY")).toBe("XYcdef");
  });

  it("erases to the end, to the start and the whole line", () => {
    expect(stripAnsi(`abcdef\rXY${ESC}[K`)).toBe("XY");
    expect(stripAnsi(`abcdef\r${ESC}[2C${ESC}[1K`)).toBe("   def");
    expect(stripAnsi(`abcdef${ESC}[2K\rdone`)).toBe("done  ");
  });

  it("moves by backspace, by columns and to a column", () => {
    expect(stripAnsi("abc\b\bX")).toBe("aXc");
    expect(stripAnsi(`abc${ESC}[2DX`)).toBe("aXc");
    expect(stripAnsi(`a${ESC}[3CX`)).toBe("a   X");
    expect(stripAnsi(`abc${ESC}[1GX`)).toBe("Xbc");
    expect(stripAnsi("a\tb")).toBe("a       b");
  });

  it("drops titles, links, other codes and a torn code at the end", () => {
    expect(stripAnsi(`${ESC}]0;title\u0007shown`)).toBe("shown");
    expect(stripAnsi(`${ESC}]8;;https://a.example${ESC}\\link${ESC}]8;;${ESC}\\`)).toBe("link");
    expect(stripAnsi(`${ESC}[?25lhidden cursor${ESC}[A`)).toBe("hidden cursor");
    expect(stripAnsi(`text${ESC}[`)).toBe("text[".slice(0, 4));
    expect(stripAnsi("bell\u0007")).toBe("bell");
  });

  it("counts a character outside the basic plane as one cell", () => {
    expect(stripAnsi("𝛼𝛽\rX")).toBe("X𝛽");
  });

  it("bounds a line, however far the cursor is sent", () => {
    expect(stripAnsi(`${ESC}[999999999Cx`).length).toBeLessThanOrEqual(COLUMNS_MAX);
    expect(stripAnsi("y".repeat(COLUMNS_MAX + 50))).toHaveLength(COLUMNS_MAX);
  });
});

import { describe, expect, it } from "vitest";
import { formatAgo, formatBytes, formatDuration, formatExact, formatNumber } from "./format";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [0.3, "0.3"],
    [0.123456, "0.1235"],
    [1234567, "1,234,567"],
    [0.00001234, "1.234e-5"],
    [1e-5, "1e-5"],
    [2.5e12 + 0.5, "2.5e12"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ])("%d is shown as %s", (value, text) => expect(formatNumber(value)).toBe(text));

  it("keep the digits before the point where they are read one by one", () => {
    expect(formatExact(1795231883.4812)).toBe("1795231883.48");
    expect(formatExact(0.88687612)).toBe("0.886876");
    expect(formatExact(4810)).toBe("4,810");
  });
});

describe("sizes and times", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 KB"],
    [18_432, "18.4 KB"],
    [999_950, "1.0 MB"],
    [2_100_000_000, "2.1 GB"],
  ])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.42, "0.4s"],
    [41, "41s"],
    [125, "2m 5s"],
    [8070, "2h 14m"],
    [266_400, "3d 2h"],
    [Number.NaN, "–"],
  ])("%d seconds are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it("count back from now", () => {
    const now = Date.UTC(2026, 10, 21, 12);
    expect(formatAgo((now - 3_000) * 1000, now)).toBe("just now");
    expect(formatAgo((now - 59_000) * 1000, now)).toBe("59 s ago");
    expect(formatAgo((now - 7_200_000) * 1000, now)).toBe("2 h ago");
    expect(formatAgo((now + 60_000) * 1000, now)).toBe("just now");
  });
});

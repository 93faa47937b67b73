import { describe, expect, it } from "vitest";
import { findHit, formatHitCount, formatLineHash, parseLineHash } from "./logPlaces";

describe("links to lines", () => {
  it("count from one, as the numbers on screen do", () => {
    expect(parseLineHash("#L1")).toBe(0);
    expect(parseLineHash(formatLineHash(41))).toBe(41);
  });

  it("ignore every other hash", () => {
    for (const hash of ["", "#", "#L", "#L0", "#L-3", "#Lx", "#L1x", "#l1"]) {
      expect(parseLineHash(hash)).toBeNull();
    }
  });
});

describe("going from hit to hit", () => {
  const hits = [3, 10, 20];

  it("takes the next and the previous one, round the ends", () => {
    expect(findHit(hits, 3, 1)).toBe(10);
    expect(findHit(hits, 20, 1)).toBe(3);
    expect(findHit(hits, 10, -1)).toBe(3);
    expect(findHit(hits, 3, -1)).toBe(20);
    expect(findHit([], 3, 1)).toBeNull();
  });

  it("says where one is", () => {
    expect(formatHitCount(hits, 10)).toBe("2 of 3");
    expect(formatHitCount(hits, null)).toBe("3 hits");
    expect(formatHitCount([], null)).toBe("no hits");
    expect(formatHitCount(undefined, null)).toBe("searching");
  });
});

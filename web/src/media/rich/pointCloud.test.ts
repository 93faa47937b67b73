import { describe, expect, it } from "vitest";
import { POINTS_MAX } from "./limits";
import { describeCloud, edgesOf, listCategories, readPointCloud, type Vec3 } from "./pointCloud";

describe("points", () => {
  it("are plain, of categories, or of colours", () => {
    const plain = readPointCloud([[1, 2, 3]]);
    expect([...plain.positions]).toEqual([1, 2, 3]);
    expect([plain.categories, plain.colors]).toEqual([null, null]);
    const sorted = readPointCloud([
      [0, 0, 0, 3],
      [0, 0, 0, 1],
      [1, 1, 1, 3],
    ]);
    expect(listCategories(sorted)).toEqual([1, 3]);
    expect([...(sorted.categories ?? [])]).toEqual([3, 1, 3]);
  });

  it("have colours of bytes or of shares, told apart by the largest", () => {
    const bytes = readPointCloud([[0, 0, 0, 255, 0, 51]]);
    expect([...(bytes.colors ?? [])].map((n) => Number(n.toFixed(3)))).toEqual([1, 0, 0.2]);
    const shares = readPointCloud([[0, 0, 0, 1, 0, 0.5]]);
    expect([...(shares.colors ?? [])]).toEqual([1, 0, 0.5]);
  });

  it("that are none are left out and counted", () => {
    const cloud = readPointCloud([[1, 2], "x", [0, null, 1], [4, 5, 6]]);
    expect([...cloud.positions]).toEqual([4, 5, 6]);
    expect(describeCloud(cloud)).toBe("1 point, 3 unreadable left out");
  });

  it("of a larger number than is drawn are thinned out evenly", () => {
    const many = Array.from({ length: POINTS_MAX * 2 }, (_, i) => [i, 0, 0]);
    const cloud = readPointCloud(many);
    expect(cloud.positions).toHaveLength(POINTS_MAX * 3);
    expect([cloud.positions[0], cloud.positions[3], cloud.positions.at(-3)]).toEqual([
      0,
      2,
      2 * POINTS_MAX - 2,
    ]);
    expect(describeCloud(cloud)).toBe("300,000 of 600,000 points");
  });

  it.each([[{}], [[]], ["text"], [[["a", "b", "c"]]], [{ points: 3 }], [null]])(
    "are not found in %j, and that is said",
    (value) => {
      expect(() => readPointCloud(value)).toThrow(/The file holds no/);
    },
  );
});

const CORNERS: Vec3[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => [
  bits & 1 ? 10 : 0,
  bits & 2 ? 2 : 0,
  bits & 4 ? 1 : 0,
]);

describe("boxes", () => {
  it("of a lidar scene have colours, labels with scores, and vectors beside them", () => {
    const cloud = readPointCloud({
      type: "lidar/beta",
      points: [[0, 0, 0]],
      boxes: [
        {
          corners: CORNERS.map((corner) => [...corner]),
          label: "car",
          score: 0.912,
          color: [255, 0, 0],
        },
        { corners: [[0, 0, 0]], label: "broken" },
      ],
      vectors: [{ start: [0, 0, 0], end: [1, 0, 0] }, { start: [0] }],
    });
    expect(cloud.boxes).toMatchObject([{ label: "car 0.912", color: [1, 0, 0] }]);
    expect(cloud.vectors).toEqual([{ start: [0, 0, 0], end: [1, 0, 0] }]);
    expect(describeCloud(cloud)).toBe(
      "1 point, 1 of 2 boxes, 1 of 2 vectors, 2 unreadable left out",
    );
  });

  it("have the same twelve edges whatever the order of their corners", () => {
    const text = ([a, b]: readonly [Vec3, Vec3]) => [a.join(), b.join()].sort().join(" – ");
    const expected = new Set(edgesOf(CORNERS).map(text));
    expect(expected.size).toBe(12);
    for (const [a, b] of edgesOf(CORNERS)) {
      expect(a.filter((value, i) => value !== b[i])).toHaveLength(1);
    }
    for (let turn = 1; turn < 8; turn++) {
      const turned = CORNERS.map((_, i) => CORNERS[(i * 3 + turn) % 8] as Vec3);
      expect(new Set(edgesOf(turned).map(text))).toEqual(expected);
    }
  });
});

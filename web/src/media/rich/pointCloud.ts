/**
 * Files of points, as `Object3D` writes them.
 *
 * wandb 0.31.0 sdk/data_types/object_3d.py: a list of [x, y, z], of [x, y, z, category] with categories from 1 to 14, or
 * of [x, y, z, red, green, blue]; or {"type": "lidar/beta", "points", "boxes": [{"corners", "label", "color", "score"}],
 * "vectors": [{"start", "end"}]}.
 */

import type { JsonObject, JsonValue } from "../../api/types";
import { isObject, numberOf } from "../items";
import { BOXES_MAX, POINTS_MAX, VECTORS_MAX } from "./limits";

export type Vec3 = readonly [number, number, number];

/** Red, green and blue from 0 to 1. */
export type Rgb = Vec3;

export interface CloudBox {
  corners: readonly Vec3[];
  label: string;
  color: Rgb | null;
}

export interface PointCloud {
  /** x, y and z of each drawn point in turn. */
  positions: Float32Array;
  /** Of each drawn point; null when points have no category. */
  categories: Float32Array | null;
  /** Red, green and blue of each drawn point, 0 to 1; null when points have no colour. */
  colors: Float32Array | null;
  boxes: CloudBox[];
  vectors: { start: Vec3; end: Vec3 }[];
  /** How many there are in the file, also those that are not drawn. */
  total: { points: number; boxes: number; vectors: number };
  /** Entries that are none. */
  badCount: number;
}

/** Throws with words when this is no file of points. More than can be drawn are thinned out evenly. */
export function readPointCloud(value: JsonValue): PointCloud {
  const scene: JsonObject | null = isObject(value) ? value : null;
  const list = scene === null ? value : (scene.points ?? []);
  if (!Array.isArray(list)) throw new Error("The file holds no list of points.");
  const [boxes, vectors] = [listOf(scene?.boxes), listOf(scene?.vectors)];
  const isByte = boxes.some((box) => isObject(box) && readNumbers(box.color).some((n) => n > 1));
  const readBoxes = boxes.slice(0, BOXES_MAX).map((box) => readBox(box, isByte ? 255 : 1));
  const readVectors = vectors.slice(0, VECTORS_MAX).map(readVector);
  const { badCount, ...points } = readPoints(list);
  const cloud = {
    ...points,
    boxes: readBoxes.filter((box) => box !== null),
    vectors: readVectors.filter((vector) => vector !== null),
    total: { points: list.length, boxes: boxes.length, vectors: vectors.length },
    badCount: badCount + [...readBoxes, ...readVectors].filter((entry) => entry === null).length,
  };
  if (cloud.positions.length === 0 && cloud.boxes.length === 0 && cloud.vectors.length === 0) {
    throw new Error("The file holds no point with numbers for x, y and z.");
  }
  return cloud;
}

function readPoints(list: readonly JsonValue[]) {
  const count = Math.min(list.length, POINTS_MAX);
  const positions = new Float32Array(count * 3);
  const more = new Float32Array(count * 3);
  let [used, badCount, hasCategory, hasColor, brightest] = [0, 0, false, false, 0];
  for (let i = 0; i < count; i++) {
    // Evenly over the list: whole when it is short enough.
    const point = list[Math.floor((i * list.length) / count)];
    if (!Array.isArray(point) || !isPlace(point)) {
      badCount++;
      continue;
    }
    for (let at = 0; at < 3; at++) {
      positions[used * 3 + at] = point[at] as number;
      const extra = point[at + 3];
      more[used * 3 + at] = typeof extra === "number" ? extra : 0;
    }
    if (point.length >= 6) {
      hasColor = true;
      for (let at = 0; at < 3; at++) brightest = Math.max(brightest, more[used * 3 + at] ?? 0);
    } else if (point.length >= 4) hasCategory = true;
    used++;
  }
  // Bytes are meant as soon as one value is above 1.
  const unit = brightest > 1 ? 255 : 1;
  return {
    positions: positions.slice(0, used * 3),
    colors: hasColor ? more.slice(0, used * 3).map((value) => clamp(value / unit)) : null,
    categories:
      hasCategory && !hasColor
        ? Float32Array.from({ length: used }, (_, i) => more[i * 3] ?? 0)
        : null,
    badCount,
  };
}

function isPlace(point: readonly JsonValue[]): boolean {
  return [0, 1, 2].every((at) => Number.isFinite(point[at]));
}

function readBox(value: JsonValue, unit: number): CloudBox | null {
  if (!isObject(value) || !Array.isArray(value.corners)) return null;
  const corners = value.corners.map(readPlace).filter((corner) => corner !== null);
  if (corners.length !== 8) return null;
  const [red, green, blue] = readNumbers(value.color);
  const color =
    red !== undefined && green !== undefined && blue !== undefined
      ? ([clamp(red / unit), clamp(green / unit), clamp(blue / unit)] as const)
      : null;
  const score = numberOf(value.score);
  const name = typeof value.label === "string" ? value.label : "";
  const label = [name, score === null ? "" : String(Number(score.toPrecision(3)))];
  return { corners, color, label: label.filter(Boolean).join(" ") };
}

function readVector(value: JsonValue): { start: Vec3; end: Vec3 } | null {
  const [start, end] = isObject(value) ? [value.start, value.end].map(readPlace) : [];
  return start == null || end == null ? null : { start, end };
}

function readPlace(value: JsonValue | undefined): Vec3 | null {
  const [x, y, z] = readNumbers(value);
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}

function readNumbers(value: JsonValue | undefined): number[] {
  return listOf(value).filter((n): n is number => typeof n === "number" && Number.isFinite(n));
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Categories that occur, rising. */
export function listCategories({ categories }: PointCloud): number[] {
  return categories === null ? [] : [...new Set(categories)].sort((a, b) => a - b);
}

/**
 * The twelve edges of a box, as pairs of places, whatever the order of its corners: clients write several.
 *
 * From one corner the nearest two others are neighbours, and so is the next one that is not across their face.
 */
export function edgesOf(corners: readonly Vec3[]): [Vec3, Vec3][] {
  const [origin = [0, 0, 0], ...others] = corners;
  const away = others
    .map((corner) => subtract(corner, origin))
    .sort((a, b) => lengthOf(a) - lengthOf(b));
  const [first = ZERO, second = ZERO, ...rest] = away;
  const across = add(first, second);
  const skipped = rest.reduce(
    (best, step, i) =>
      lengthOf(subtract(step, across)) < lengthOf(subtract(rest[best] ?? ZERO, across)) ? i : best,
    0,
  );
  const third = rest.find((_, i) => i !== skipped) ?? ZERO;
  const axes = [first, second, third];
  return axes.flatMap((axis, i) => {
    const [one = ZERO, two = ZERO] = axes.filter((_, at) => at !== i);
    return [ZERO, one, two, add(one, two)].map((offset): [Vec3, Vec3] => {
      const start = add(origin, offset);
      return [start, add(start, axis)];
    });
  });
}

const ZERO: Vec3 = [0, 0, 0];
const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const subtract = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const lengthOf = (a: Vec3): number => Math.hypot(...a);

/** In words, for the line below the drawing and those who do not see it. */
export function describeCloud(cloud: PointCloud): string {
  const { total } = cloud;
  const drawn = cloud.positions.length / 3;
  const count = (n: number) => n.toLocaleString("en-US");
  const parts = [
    total.points > POINTS_MAX
      ? `${count(drawn)} of ${count(total.points)} points`
      : count(drawn) + (drawn === 1 ? " point" : " points"),
    ...(
      [
        [cloud.boxes.length, total.boxes, "box", "boxes"],
        [cloud.vectors.length, total.vectors, "vector", "vectors"],
      ] as const
    ).map(([shown, all, one, many]) =>
      all === 0
        ? ""
        : `${all > shown ? `${count(shown)} of ${count(all)}` : count(shown)} ${all === 1 ? one : many}`,
    ),
    cloud.badCount > 0 ? `${count(cloud.badCount)} unreadable left out` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

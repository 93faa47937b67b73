/** Logged media as they are shown, whether they come from the values of a run or from cells of a table. */

import type { JsonObject, JsonValue, MediaItem } from "../api/types";

export type ShownMedia = Pick<
  MediaItem,
  "kind" | "path" | "url" | "thumbnail_url" | "page_url" | "caption" | "boxes" | "masks" | "about"
>;

/** What the client calls the value of one file. */
const KINDS: Record<string, MediaItem["kind"]> = {
  "image-file": "image",
  "audio-file": "audio",
  "video-file": "video",
  "html-file": "html",
  "plotly-file": "plotly",
  "bokeh-file": "bokeh",
  "molecule-file": "molecule",
  "object3D-file": "object3D",
  "table-file": "table",
  histogram: "histogram",
  "graph-file": "graph",
};

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The media that a cell stands for; null for other documents. */
export function readCellMedia(value: JsonValue): ShownMedia | null {
  if (!isObject(value)) return null;
  const type = textOf(value._type);
  const path = textOf(value.path);
  if (type === null || (path === null && type !== "histogram")) return null;
  const { boxes, masks } = value;
  return {
    kind: KINDS[type] ?? kindOfPath(path ?? ""),
    path,
    url: textOf(value.url),
    thumbnail_url: textOf(value.thumbnail_url),
    page_url: textOf(value.page_url),
    caption: textOf(value.caption),
    boxes: isObject(boxes) ? boxes : {},
    masks: isObject(masks) ? masks : {},
    about: value,
  };
}

function kindOfPath(path: string): MediaItem["kind"] {
  if (/\.(png|jpe?g|gif|webp|bmp)$/i.test(path)) return "image";
  return /\.html?$/i.test(path) ? "html" : "file";
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function numberOf(value: JsonValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}

export function sizeOf({ about }: ShownMedia): { width: number; height: number } | null {
  const [width, height] = [numberOf(about.width), numberOf(about.height)];
  return width === null || height === null || width <= 0 || height <= 0 ? null : { width, height };
}

/** A box in shares of the picture. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  classId: number | null;
  label: string;
}

/** Names of classes by their number, from wherever they were logged. */
export function readClasses(layer: JsonValue | undefined): Record<string, string> {
  if (!isObject(layer)) return {};
  const found = isObject(layer.classes) ? layer.classes : layer.class_labels;
  if (!isObject(found)) return {};
  return Object.fromEntries(
    Object.entries(found).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
}

/** The boxes of a layer's content. Those without a usable position are left out. */
export function readBoxes(
  content: JsonValue,
  classes: Record<string, string>,
  size: { width: number; height: number },
): Box[] {
  const list = Array.isArray(content) ? content : isObject(content) ? content.box_data : [];
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: JsonValue) => {
    const box = isObject(item) ? readBox(item, classes, size) : null;
    return box === null ? [] : [box];
  });
}

function readBox(
  item: JsonObject,
  classes: Record<string, string>,
  size: { width: number; height: number },
): Box | null {
  const position = item.position;
  if (!isObject(position)) return null;
  const isPixel = item.domain === "pixel";
  const [unitX, unitY] = isPixel ? [size.width, size.height] : [1, 1];
  const middle = Array.isArray(position.middle) ? position.middle : [];
  const [width, height] = [numberOf(position.width), numberOf(position.height)];
  const [x, y] = [numberOf(middle[0]), numberOf(middle[1])];
  const corners =
    width !== null && height !== null && x !== null && y !== null
      ? [x - width / 2, x + width / 2, y - height / 2, y + height / 2]
      : [position.minX, position.maxX, position.minY, position.maxY].map(numberOf);
  const [minX, maxX, minY, maxY] = corners;
  if (minX == null || maxX == null || minY == null || maxY == null) return null;
  const classId = numberOf(item.class_id);
  const scores = isObject(item.scores) ? Object.entries(item.scores) : [];
  const label =
    textOf(item.box_caption) ??
    [classId === null ? "" : (classes[classId] ?? `class ${classId}`), ...scores.map(describeScore)]
      .filter(Boolean)
      .join(" ");
  return {
    x: minX / unitX,
    y: minY / unitY,
    width: (maxX - minX) / unitX,
    height: (maxY - minY) / unitY,
    classId,
    label,
  };
}

function describeScore([name, score]: [string, JsonValue]): string {
  return typeof score === "number" ? `${name} ${Number(score.toPrecision(3))}` : "";
}

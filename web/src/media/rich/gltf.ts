/** glTF 2.0 in one piece: whatever way a file keeps its bytes, the loader gets a GLB and asks for nothing. */

import type { JsonObject, JsonValue } from "../../api/types";
import { isObject, numberOf } from "../items";

const MAGIC = 0x46546c67;
const [JSON_CHUNK, BIN_CHUNK] = [0x4e4f534a, 0x004e4942];
/** One white pixel, in the place of pictures that are not in the file. */
const WHITE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII=";

export interface PackedGltf {
  glb: ArrayBuffer;
  /** Names of pictures that were in other files. */
  missing: string[];
}

/**
 * The file as GLB, with the bytes of its `data:` addresses inside. Throws with words when it is none, or when its
 * geometry is in other files. Source: glTF 2.0 specification, sections 3.6 and 4.4.
 */
export function packGltf(bytes: ArrayBuffer): PackedGltf {
  const { json, bin } = readParts(bytes);
  const buffers = listOf(json.buffers).map((buffer, i) => readBuffer(buffer, i === 0 ? bin : null));
  const starts: number[] = [];
  let size = 0;
  for (const buffer of buffers) {
    starts.push(size);
    size += Math.ceil(buffer.length / 4) * 4;
  }
  const whole = new Uint8Array(size);
  buffers.forEach((buffer, i) => {
    whole.set(buffer, starts[i]);
  });
  const missing: string[] = [];
  const lists = {
    buffers: size === 0 ? [] : [{ byteLength: size }],
    bufferViews: listOf(json.bufferViews).map((view) => ({
      ...view,
      buffer: 0,
      byteOffset: (numberOf(view.byteOffset) ?? 0) + (starts[numberOf(view.buffer) ?? 0] ?? 0),
    })),
    images: listOf(json.images).map((image) => {
      const { uri } = image;
      if (typeof uri !== "string" || uri.startsWith("data:")) return image;
      missing.push(uri);
      return { ...image, uri: WHITE };
    }),
  };
  // An empty list is not allowed; a member that is undefined is not written.
  const packed = {
    ...json,
    buffers: orUndefined(lists.buffers),
    bufferViews: orUndefined(lists.bufferViews),
    images: orUndefined(lists.images),
  };
  return { glb: writeGlb(packed, whole), missing };
}

function readParts(bytes: ArrayBuffer): { json: JsonObject; bin: Uint8Array | null } {
  const view = new DataView(bytes);
  if (bytes.byteLength < 12 || view.getUint32(0, true) !== MAGIC) {
    return { json: parseObject(new Uint8Array(bytes)), bin: null };
  }
  if (view.getUint32(4, true) !== 2) throw new Error("Only glTF 2.0 is drawn here.");
  let json: JsonObject | null = null;
  let bin: Uint8Array | null = null;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const [length, kind] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (at + 8 + length > bytes.byteLength) throw new Error("The file ends too early.");
    const chunk = new Uint8Array(bytes, at + 8, length);
    if (kind === JSON_CHUNK) json ??= parseObject(chunk);
    else if (kind === BIN_CHUNK) bin ??= chunk;
    at += 8 + length;
  }
  if (json === null) throw new Error("The file has no description of its scene.");
  return { json, bin };
}

function parseObject(bytes: Uint8Array): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as JsonValue;
  } catch {
    throw new Error("The file is no glTF.");
  }
  if (!isObject(value)) throw new Error("The file is no glTF.");
  return value;
}

function readBuffer({ uri }: JsonObject, bin: Uint8Array | null): Uint8Array {
  if (typeof uri !== "string") {
    if (bin === null) throw new Error("The file refers to bytes that it does not hold.");
    return bin;
  }
  const found = /^data:[^,]*;base64,(.*)$/s.exec(uri);
  if (found === null) {
    const name = uri.slice(0, 80);
    throw new Error(`Its geometry is in another file, ${name}. A .glb holds everything.`);
  }
  return Uint8Array.from(atob(found[1] ?? ""), (char) => char.charCodeAt(0));
}

function writeGlb(json: object, bin: Uint8Array): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(json));
  const textSize = Math.ceil(text.length / 4) * 4;
  const size = 12 + 8 + textSize + (bin.length > 0 ? 8 + bin.length : 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  [MAGIC, 2, size, textSize, JSON_CHUNK].forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  bytes.fill(0x20, 20, 20 + textSize).set(text, 20);
  if (bin.length > 0) {
    view.setUint32(20 + textSize, bin.length, true);
    view.setUint32(24 + textSize, BIN_CHUNK, true);
    bytes.set(bin, 28 + textSize);
  }
  return bytes.buffer;
}

function listOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function orUndefined<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

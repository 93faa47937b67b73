/** Boxes and masks over pictures: reading their files and colouring them. */

import { useQuery } from "@tanstack/react-query";
import { readProblem } from "../api/client";
import type { JsonValue } from "../api/types";
import { PALETTE } from "../core/color";
import { localUrl } from "../ui/preview/fileContent";
import { isObject } from "./items";

/** Signed addresses hold for a day, and what is behind them never changes. */
const STALE_MS = 30 * 60_000;
const MASK_ALPHA = 150;

/** The colour of a class: the same for boxes, masks and legends, on dark and light pictures. */
export function classColor(classId: number | null): string {
  const { dark } = PALETTE;
  return dark[Math.abs(classId ?? 0) % dark.length] as string;
}

export function addressOf(layer: JsonValue | undefined): string | null {
  return isObject(layer) && typeof layer.url === "string" ? layer.url : null;
}

/** What is in a layer's file of boxes; a layer that holds them itself needs no file. */
export function useBoxLayer(layer: JsonValue | undefined, isEnabled: boolean) {
  const url = addressOf(layer);
  const file = useQuery({
    queryKey: ["boxes", url === null ? null : new URL(url, location.href).pathname],
    queryFn: async ({ signal }) => {
      const response = await fetch(localUrl(url ?? ""), { signal });
      if (!response.ok) throw await readProblem(response);
      return (await response.json()) as JsonValue;
    },
    enabled: isEnabled && url !== null,
    staleTime: STALE_MS,
  });
  return url === null ? layer : file.data;
}

/** Draws the classes of a mask in their colours; class 0 stays clear. Returns the classes that occur. */
export async function drawMask(
  canvas: HTMLCanvasElement,
  url: string,
  signal: AbortSignal,
): Promise<number[]> {
  const response = await fetch(localUrl(url), { signal });
  if (!response.ok) throw await readProblem(response);
  const image = await createImageBitmap(await response.blob(), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null || signal.aborted) return [];
  canvas.width = image.width;
  canvas.height = image.height;
  context.drawImage(image, 0, 0);
  const picture = context.getImageData(0, 0, image.width, image.height);
  const found = colorMask(picture.data);
  context.putImageData(picture, 0, 0);
  return found;
}

/** Replaces class numbers, which are the red values, by colours. */
export function colorMask(pixels: Uint8ClampedArray): number[] {
  const colors = new Map<number, readonly number[]>();
  for (let i = 0; i < pixels.length; i += 4) {
    const id = pixels[i] ?? 0;
    let color = colors.get(id);
    if (color === undefined) {
      color = id === 0 ? [0, 0, 0, 0] : [...parseHex(classColor(id)), MASK_ALPHA];
      colors.set(id, color);
    }
    pixels.set(color, i);
  }
  return [...colors.keys()].sort((a, b) => a - b);
}

function parseHex(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}

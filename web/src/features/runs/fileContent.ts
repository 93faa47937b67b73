/** What of a file can be shown in the page, and reading no more of it than is shown. */

import { readBasePath } from "../../api/base";
import { readProblem } from "../../api/client";
import type { RunFile } from "../../api/types";

/** Enough for a look; the rest is for the download. */
export const PREVIEW_BYTES_MAX = 512 * 1024;
const IMAGE_BYTES_MAX = 50 * 1024 * 1024;

const IMAGES = /\.(png|jpe?g|gif|webp|avif|bmp|svg|ico)$/i;
const TEXTS =
  /\.(txt|log|md|rst|csv|tsv|json|jsonl|ndjson|ya?ml|toml|ini|cfg|conf|env|xml|html?|css|[jt]sx?|mjs|py|pyi|ipynb|r|jl|sh|bash|zsh|sql|c|h|cc|cpp|hpp|cu|rs|go|java|patch|diff|lock|tex|proto|dockerfile|makefile|gitignore)$/i;
const BARE_TEXTS = /(^|\/)(dockerfile|makefile|license|readme|changelog)$/i;

export type FileKind = "image" | "json" | "text" | "other";

export function kindOf({ name, mimetype, size_bytes }: RunFile): FileKind {
  const type = mimetype ?? "";
  if (IMAGES.test(name) || type.startsWith("image/")) {
    return size_bytes <= IMAGE_BYTES_MAX ? "image" : "other";
  }
  if (/\.(json|ipynb)$/i.test(name) || type === "application/json") return "json";
  if (TEXTS.test(name) || BARE_TEXTS.test(name) || type.startsWith("text/")) return "text";
  return "other";
}

/**
 * The address as this page can load it. The server signs addresses with its public name; a page opened by another
 * name of the same server (localhost, a tunnel) must stay on its own.
 */
export function localUrl(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  const ours = `${readBasePath()}/storage/`;
  return pathname.startsWith(ours) ? pathname + search : url;
}

export interface FileText {
  text: string;
  isWhole: boolean;
}

/** The beginning of a text file, at most PREVIEW_BYTES_MAX. Rejects with an ApiError. */
export async function readFileText(file: RunFile, signal: AbortSignal): Promise<FileText> {
  const response = await fetch(localUrl(file.url), { signal });
  if (!response.ok) throw await readProblem(response);
  const reader = response.body?.getReader();
  if (reader === undefined) return { text: await response.text(), isWhole: true };
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  while (bytes < PREVIEW_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), isWhole: true };
    const room = PREVIEW_BYTES_MAX - bytes;
    text += decoder.decode(value.subarray(0, room), { stream: true });
    bytes += value.length;
  }
  await reader.cancel();
  return { text, isWhole: bytes === PREVIEW_BYTES_MAX && bytes === file.size_bytes };
}

/** Indents JSON that is whole and valid; all other text stays as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** What of a file can be shown in the page, and reading no more of it than is shown. */

import { readBasePath } from "../../api/base";
import { readProblem } from "../../api/client";

/** Enough for a look; the rest is for the download. */
export const PREVIEW_BYTES_MAX = 512 * 1024;
/** Read whole, because half of it has no meaning. */
export const WHOLE_BYTES_MAX = 8 * 1024 * 1024;
const IMAGE_BYTES_MAX = 50 * 1024 * 1024;

/** A file of a run or of an artifact, as far as showing it needs to know. */
export interface ShownFile {
  /** Path within its run or artifact. */
  name: string;
  size_bytes: number;
  mimetype?: string | null;
  /** Signed; null where there is nothing to load: references, contents that are gone. */
  url: string | null;
  /** Changes with the content. */
  revision: string | number;
  /** How the tables of the server know it, as "artifact:acme/mnist/data:v3/eval.csv". */
  tableRef?: string;
}

const IMAGES = /\.(png|jpe?g|gif|webp|avif|bmp|ico)$/i;
const AUDIO = /\.(wav|mp3|ogg|oga|opus|flac|m4a|aac)$/i;
const VIDEO = /\.(mp4|webm|mov|m4v|ogv)$/i;
const TABLES = /\.(csv|tsv|parquet|jsonl|ndjson|table\.json)$/i;
const TEXTS =
  /\.(txt|log|md|rst|csv|tsv|json|jsonl|ndjson|ya?ml|toml|ini|cfg|conf|env|xml|css|[jt]sx?|mjs|py|pyi|r|jl|sh|bash|zsh|sql|c|h|cc|cpp|hpp|cu|rs|go|java|patch|diff|lock|tex|proto|dockerfile|makefile|gitignore)$/i;
const BARE_TEXTS = /(^|\/)(dockerfile|makefile|license|readme|changelog)$/i;

export type FileKind =
  | "image"
  | "svg"
  | "audio"
  | "video"
  | "table"
  | "notebook"
  | "html"
  | "json"
  | "text"
  | "other";

export function kindOf({ name, mimetype, size_bytes, tableRef }: ShownFile): FileKind {
  const type = mimetype ?? "";
  if (/\.svg$/i.test(name) || type.startsWith("image/svg")) return "svg";
  if (IMAGES.test(name) || type.startsWith("image/")) {
    return size_bytes <= IMAGE_BYTES_MAX ? "image" : "other";
  }
  if (AUDIO.test(name) || type.startsWith("audio/")) return "audio";
  if (VIDEO.test(name) || type.startsWith("video/")) return "video";
  if (tableRef !== undefined && TABLES.test(name)) return "table";
  if (/\.ipynb$/i.test(name)) return "notebook";
  if (/\.html?$/i.test(name) || type.startsWith("text/html")) return "html";
  if (/\.json$/i.test(name) || type === "application/json") return "json";
  if (TEXTS.test(name) || BARE_TEXTS.test(name) || type.startsWith("text/")) return "text";
  return "other";
}

/** Paths below which the server keeps contents behind signed addresses. */
const CONTENT_PATHS = ["/storage/", "/artifacts/", "/artifactsV2/", "/api/v1/"];

/**
 * The address as this page can load it. The server signs addresses with its public name; a page opened by another
 * name of the same server (localhost, a tunnel) must stay on its own.
 */
export function localUrl(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  const base = readBasePath();
  const isOurs = CONTENT_PATHS.some((path) => pathname.startsWith(base + path));
  return isOurs ? pathname + search : url;
}

export interface FileText {
  text: string;
  isWhole: boolean;
}

/** The beginning of a text file, at most `bytesMax`. Rejects with an ApiError. */
export async function readFileText(
  { url, size_bytes: sizeBytes }: { url: string; size_bytes: number },
  signal: AbortSignal,
  bytesMax = PREVIEW_BYTES_MAX,
): Promise<FileText> {
  const response = await fetch(localUrl(url), { signal });
  if (!response.ok) throw await readProblem(response);
  const reader = response.body?.getReader();
  if (reader === undefined) return { text: await response.text(), isWhole: true };
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  while (bytes < bytesMax) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), isWhole: true };
    const room = bytesMax - bytes;
    text += decoder.decode(value.subarray(0, room), { stream: true });
    bytes += value.length;
  }
  await reader.cancel();
  return { text, isWhole: bytes === bytesMax && bytes === sizeBytes };
}

/** Indents JSON that is whole and valid; all other text stays as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

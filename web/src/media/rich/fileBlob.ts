/** Files that a viewer needs whole, bounded before and while they are read. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { readProblem } from "../../api/client";
import { formatBytes } from "../../ui/format";
import { localUrl } from "../../ui/preview/fileContent";
import { numberOf, type ShownMedia } from "../items";

/** A file beyond what its viewer takes. */
export class TooLarge extends Error {
  constructor(bytesMax: number) {
    super(`It is larger than the ${formatBytes(bytesMax)} that are drawn here.`);
  }
}

/** Rejects with TooLarge, without reading more than the limit, or with an ApiError. */
export async function readBlob(url: string, bytesMax: number, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(localUrl(url), signal === undefined ? {} : { signal });
  if (!response.ok) throw await readProblem(response);
  const reader = response.body?.getReader();
  if (reader === undefined) return response.blob();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts);
    bytes += value.length;
    if (bytes > bytesMax) {
      await reader.cancel();
      throw new TooLarge(bytesMax);
    }
    parts.push(value);
  }
}

/** The content of a logged file. While the next one is read, as over the steps, the last one stays. */
export function useFileBlob({ url, about }: ShownMedia, bytesMax: number) {
  const path = url === null ? null : new URL(url, location.href).pathname;
  return useQuery({
    queryKey: ["file-blob", path],
    queryFn: async ({ signal }) => {
      if ((numberOf(about.size) ?? 0) > bytesMax) throw new TooLarge(bytesMax);
      return { path: path ?? "", blob: await readBlob(url ?? "", bytesMax, signal) };
    },
    enabled: url !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** Why something is not drawn, as a sentence. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message.trim() : String(error);
  return text === "" || /[.!?]$/.test(text) ? text : `${text}.`;
}

import { useQuery } from "@tanstack/react-query";
import { type FileText, readFileText } from "./fileContent";
import type { LoadableFile } from "./MediaPreview";

/** The text of a file, or its beginning. */
export function useFileText(file: LoadableFile, bytesMax?: number) {
  return useQuery<FileText>({
    // Signed addresses change with every listing; the content does with its revision.
    queryKey: ["file", new URL(file.url, location.href).pathname, file.revision, bytesMax ?? null],
    queryFn: ({ signal }) => readFileText(file, signal, bytesMax),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

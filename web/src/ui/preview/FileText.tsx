import type { ReactNode } from "react";
import { ErrorCard } from "../ErrorCard";
import { SkeletonRows } from "../Skeleton";
import styles from "./FilePreview.module.css";
import type { FileText as Content } from "./fileContent";
import type { LoadableFile } from "./MediaPreview";
import { useFileText } from "./useFileText";

interface FileTextProps {
  file: LoadableFile;
  bytesMax?: number;
  children: (content: Content) => ReactNode;
}

/** Reads a file as text and hands it on; while reading and when it fails it says so. */
export function FileText({ file, bytesMax, children }: FileTextProps) {
  const content = useFileText(file, bytesMax);
  if (content.isPending) {
    return (
      <div className={styles.loading}>
        <SkeletonRows count={12} rowHeight={20} label="Loading the file" />
      </div>
    );
  }
  if (content.isError) {
    return (
      <ErrorCard
        error={content.error}
        title="The file could not be read"
        onRetry={content.refetch}
      />
    );
  }
  return children(content.data);
}

import { lazy, type ReactNode, Suspense } from "react";
import { CopyButton } from "../CopyButton";
import { Icon } from "../Icon";
import { SkeletonRows } from "../Skeleton";
import { Bytes } from "../values";
import styles from "./FilePreview.module.css";
import { kindOf, localUrl, nameOf, type ShownFile } from "./fileContent";
import { AudioPreview, ImagePreview, VideoPreview } from "./MediaPreview";
import { Message } from "./Message";
import { TextPreview } from "./TextPreview";

const NotebookPreview = lazy(() => import("./NotebookPreview"));
const TablePreview = lazy(() => import("./TablePreview"));
const MarkupPreview = lazy(() => import("./MarkupPreview"));

interface FilePreviewProps {
  file: ShownFile;
  /** Facts beside the size. */
  children?: ReactNode;
}

/** The header of a file with its download, and below it what is inside. */
export function FilePreview({ file, children }: FilePreviewProps) {
  return (
    <section className={styles.preview} aria-label={`Preview of ${file.name}`}>
      <header className={styles.header}>
        <h2 title={file.name}>{nameOf(file.name)}</h2>
        <span className={styles.facts}>
          <Bytes value={file.size_bytes} />
          {children}
        </span>
        <span className={styles.actions}>
          <CopyButton text={file.name} label="Copy the path" />
          {file.url !== null && (
            <a href={localUrl(file.url)} download={nameOf(file.name)}>
              <Icon name="download" size={14} />
              Download
            </a>
          )}
        </span>
      </header>
      <Suspense fallback={<PreviewLoading />}>
        <FileContent file={file} />
      </Suspense>
    </section>
  );
}

function FileContent({ file }: { file: ShownFile }) {
  if (file.size_bytes === 0) return <Message text="This file is empty." />;
  const { url } = file;
  if (url === null) return <Message text="The content of this file is not on this server." />;
  const loaded = { ...file, url };
  switch (kindOf(file)) {
    case "image":
      return <ImagePreview file={loaded} />;
    case "audio":
      return <AudioPreview file={loaded} />;
    case "video":
      return <VideoPreview file={loaded} />;
    case "svg":
    case "html":
      return <MarkupPreview file={loaded} />;
    case "notebook":
      return <NotebookPreview file={loaded} />;
    case "table":
      return <TablePreview file={loaded} />;
    case "json":
      return <TextPreview file={loaded} isJson />;
    case "text":
      return <TextPreview file={loaded} />;
    case "other":
      return <Message text="This kind of file has no preview; download it to look inside." />;
  }
}

function PreviewLoading() {
  return (
    <div className={styles.loading}>
      <SkeletonRows count={12} rowHeight={20} label="Loading the file" />
    </div>
  );
}

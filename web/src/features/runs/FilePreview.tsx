import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { RunFile } from "../../api/types";
import { CopyButton } from "../../ui/CopyButton";
import { ErrorCard } from "../../ui/ErrorCard";
import { Icon } from "../../ui/Icon";
import { SkeletonRows } from "../../ui/Skeleton";
import { Bytes, TimeAgo } from "../../ui/values";
import styles from "./FilePreview.module.css";
import { kindOf, localUrl, prettyJson, readFileText } from "./fileContent";
import { nameOf } from "./fileTree";

export function FilePreview({ file }: { file: RunFile }) {
  const kind = kindOf(file);
  return (
    <section className={styles.preview} aria-label={`Preview of ${file.name}`}>
      <header className={styles.header}>
        <h2 title={file.name}>{nameOf(file.name)}</h2>
        <span className={styles.facts}>
          <Bytes value={file.size_bytes} />
          <TimeAgo us={file.updated_at_us} />
        </span>
        <span className={styles.actions}>
          <CopyButton text={file.name} label="Copy the path" />
          <a href={localUrl(file.url)} download={nameOf(file.name)}>
            <Icon name="download" size={14} />
            Download
          </a>
        </span>
      </header>
      {file.size_bytes === 0 ? (
        <Message text="This file is empty." />
      ) : kind === "image" ? (
        <ImagePreview file={file} />
      ) : kind === "other" ? (
        <Message text="This kind of file has no preview; download it to look inside." />
      ) : (
        <TextPreview file={file} isJson={kind === "json"} />
      )}
    </section>
  );
}

function ImagePreview({ file }: { file: RunFile }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <Message text="The browser cannot show this image." />;
  return (
    <div className={styles.image}>
      <img
        src={localUrl(file.url)}
        alt={file.name}
        loading="lazy"
        onError={() => setBroken(true)}
      />
    </div>
  );
}

function TextPreview({ file, isJson }: { file: RunFile; isJson: boolean }) {
  const content = useQuery({
    // Signed addresses change with every listing; the content does with its time.
    queryKey: ["file", new URL(file.url, location.href).pathname, file.updated_at_us],
    queryFn: ({ signal }) => readFileText(file, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
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
  const { text, isWhole } = content.data;
  return (
    <>
      {!isWhole && (
        <p className={styles.notice}>
          The beginning of the file. Download it to see all <Bytes value={file.size_bytes} />.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard */}
      <pre className={styles.text} tabIndex={0}>
        {isJson && isWhole ? prettyJson(text) : text}
      </pre>
    </>
  );
}

function Message({ text }: { text: string }) {
  return <p className={styles.message}>{text}</p>;
}

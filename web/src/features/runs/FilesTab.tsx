import { useMemo, useState } from "react";
import type { RunFile } from "../../api/types";
import { textParam } from "../../core/urlState";
import { useUrlState } from "../../core/useUrlState";
import { Button } from "../../ui/Button";
import { CodeBlock } from "../../ui/CodeBlock";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorCard } from "../../ui/ErrorCard";
import { SearchInput } from "../../ui/Input";
import type { RunRef } from "../../ui/paths";
import { FilePreview } from "../../ui/preview/FilePreview";
import { SkeletonRows } from "../../ui/Skeleton";
import { TimeAgo } from "../../ui/values";
import styles from "./FilesTab.module.css";
import { FileTree } from "./FileTree";
import { useFiles } from "./queries";

const NAME_CHARS_MAX = 1024;
const fileParams = { file: textParam(NAME_CHARS_MAX), search: textParam() };

export function FilesTab({ runRef }: { runRef: RunRef }) {
  const files = useFiles(runRef);
  const { state, change } = useUrlState(fileParams);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const items = useMemo(() => files.data?.pages.flatMap((page) => page.items) ?? [], [files.data]);
  const total = files.data?.pages.at(-1)?.total ?? items.length;
  const selected = items.find((file) => file.name === state.file) ?? null;

  const toggle = (path: string) =>
    setFolded((before) => {
      const next = new Set(before);
      if (!next.delete(path)) next.add(path);
      return next;
    });

  if (files.isPending) {
    return (
      <div className={styles.loading}>
        <SkeletonRows count={8} label="Loading the files" />
      </div>
    );
  }
  if (files.isError && items.length === 0) {
    return (
      <ErrorCard error={files.error} title="The files could not be read" onRetry={files.refetch} />
    );
  }
  if (items.length === 0) {
    return (
      <EmptyState
        icon="file"
        title="No files yet"
        text="The client saves its settings and requirements here; scripts add their own files."
      >
        <CodeBlock code={'run.save("predictions.csv")'} />
      </EmptyState>
    );
  }
  return (
    <div className={styles.files}>
      <div className={styles.list}>
        <div className={styles.toolbar}>
          <SearchInput
            label="Filter files"
            value={state.search}
            onText={(search) => change({ search })}
          />
        </div>
        <FileTree
          files={items}
          search={state.search}
          folded={folded}
          selected={state.file}
          onToggle={toggle}
          onSelect={(file) => change({ file })}
        />
        {files.hasNextPage && (
          <div className={styles.more}>
            <Button isBusy={files.isFetchingNextPage} onClick={() => files.fetchNextPage()}>
              Show more of {total.toLocaleString("en-US")} files
            </Button>
          </div>
        )}
      </div>
      <Preview runRef={runRef} file={selected} isAsked={state.file !== ""} />
    </div>
  );
}

interface PreviewProps {
  runRef: RunRef;
  file: RunFile | null;
  isAsked: boolean;
}

function Preview({ runRef, file, isAsked }: PreviewProps) {
  if (file !== null) {
    const { entity, project, run } = runRef;
    const revision = file.updated_at_us;
    const tableRef = `run:${entity}/${project}/${run}/${file.name}`;
    return (
      <FilePreview key={`${file.name} ${revision}`} file={{ ...file, revision, tableRef }}>
        <TimeAgo us={revision} />
      </FilePreview>
    );
  }
  return (
    <div className={styles.nothing}>
      <p>
        {isAsked
          ? "The file of this link is not in the list; it may have been replaced."
          : "Choose a file to look into it."}
      </p>
    </div>
  );
}

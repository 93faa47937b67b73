import { useDeferredValue } from "react";
import type { FileItem, Version } from "~/api/types";
import { useUrlState } from "~/core/useUrlState";
import { CodeBlock } from "~/ui/CodeBlock";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { SearchInput } from "~/ui/Input";
import type { VersionAddress } from "~/ui/paths";
import { FilePreview } from "~/ui/preview/FilePreview";
import { nameOf } from "~/ui/preview/fileContent";
import { SkeletonRows } from "~/ui/Skeleton";
import { Bytes } from "~/ui/values";
import { filesParams } from "./artifactParams";
import styles from "./FilesTab.module.css";
import { FileTree } from "./FileTree";
import { FoundFiles } from "./FoundFiles";
import { useFile } from "./queries";
import { ReferencePreview } from "./ReferencePreview";

interface FilesTabProps {
  address: VersionAddress;
  version: Version;
}

/** The files of a version as a tree, and the chosen one beside it. */
export default function FilesTab({ address, version }: FilesTabProps) {
  const { state, change } = useUrlState(filesParams);
  const prefix = useDeferredValue(state.find);
  if (version.file_count === 0) {
    return (
      <EmptyState
        icon="file"
        title="This version has no files"
        text="It holds metadata only. Files are added before it is logged:"
      >
        <CodeBlock code={'artifact.add_dir("data")'} />
      </EmptyState>
    );
  }
  const onSelect = (path: string) => change({ path });
  return (
    <div className={styles.files}>
      <div className={styles.list}>
        <div className={styles.toolbar}>
          <SearchInput
            label="Find by the beginning of the path"
            value={state.find}
            onText={(find) => change({ find })}
          />
          <p className={styles.count}>
            {version.file_count.toLocaleString("en-US")}{" "}
            {version.file_count === 1 ? "file" : "files"}, <Bytes value={version.size_bytes} />
          </p>
        </div>
        {prefix === "" ? (
          <FileTree place={address} selected={state.path} onSelect={onSelect} />
        ) : (
          <FoundFiles place={address} prefix={prefix} selected={state.path} onSelect={onSelect} />
        )}
      </div>
      <Preview address={address} version={version} path={state.path} />
    </div>
  );
}

function Preview({ address, version, path }: FilesTabProps & { path: string }) {
  const file = useFile(address, path);
  if (path === "") return <Nothing text="Choose a file to look into it." />;
  if (file.isPending) {
    return (
      <div className={styles.loading}>
        <SkeletonRows count={12} rowHeight={20} label="Loading the file" />
      </div>
    );
  }
  if (file.isError) {
    return (
      <ErrorCard error={file.error} title="The file could not be read" onRetry={file.refetch} />
    );
  }
  if (file.data === null) {
    return <Nothing text={`This version has no file ${nameOf(path)} there.`} />;
  }
  if (file.data.ref !== null) return <ReferencePreview file={file.data} />;
  return <LoadedPreview key={file.data.path} version={version} file={file.data} />;
}

function LoadedPreview({ version, file }: { version: Version; file: FileItem }) {
  const { entity, project, name } = version;
  return (
    <FilePreview
      file={{
        name: file.path,
        size_bytes: file.size_bytes,
        mimetype: file.mimetype,
        url: file.url,
        revision: file.digest,
        tableRef: `artifact:${entity}/${project}/${name}:${version.version}/${file.path}`,
      }}
    >
      <code title={`Digest ${file.digest}`}>{file.digest.slice(0, 10)}</code>
    </FilePreview>
  );
}

function Nothing({ text }: { text: string }) {
  return (
    <div className={styles.nothing}>
      <p>{text}</p>
    </div>
  );
}

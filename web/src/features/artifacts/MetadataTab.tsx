import { useDeferredValue } from "react";
import type { Version } from "~/api/types";
import { useUrlState } from "~/core/useUrlState";
import { Card } from "~/ui/Card";
import { CodeBlock } from "~/ui/CodeBlock";
import { CopyButton } from "~/ui/CopyButton";
import { EmptyState } from "~/ui/EmptyState";
import { SearchInput } from "~/ui/Input";
import { KeyValueTree } from "~/ui/KeyValueTree";
import { countLeaves } from "~/ui/keyValueRows";
import { metadataParams } from "./artifactParams";
import styles from "./MetadataTab.module.css";

/** What the script said about the version, as a tree that can be searched. */
export default function MetadataTab({ version }: { version: Version }) {
  const { state, change } = useUrlState(metadataParams);
  const search = useDeferredValue(state.find);
  if (Object.keys(version.metadata).length === 0) {
    return (
      <EmptyState
        icon="list"
        title="No metadata"
        text="Scripts say what is worth knowing about a version when they make it:"
      >
        <CodeBlock
          code={`wandb.Artifact(${JSON.stringify(version.name)}, type=${JSON.stringify(version.type)}, metadata={"rows": 50_000})`}
        />
      </EmptyState>
    );
  }
  return (
    <div className={styles.metadata}>
      <Card
        title="Metadata"
        count={countLeaves(version.metadata)}
        action={
          <span className={styles.actions}>
            <SearchInput
              label="Filter metadata"
              value={state.find}
              onText={(find) => change({ find })}
            />
            <CopyButton text={JSON.stringify(version.metadata, null, 2)} label="Copy as JSON" />
          </span>
        }
      >
        <KeyValueTree label="Metadata" value={version.metadata} search={search} />
      </Card>
    </div>
  );
}

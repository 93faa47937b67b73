import { useDeferredValue } from "react";
import { useSearchParams } from "react-router";
import type { JsonObject, RunDetail } from "../../api/types";
import { Card } from "../../ui/Card";
import { CodeBlock } from "../../ui/CodeBlock";
import { Icon } from "../../ui/Icon";
import { SearchInput } from "../../ui/Input";
import { KeyValueTree } from "../../ui/KeyValueTree";
import { countLeaves } from "../../ui/keyValueRows";
import type { RunRef } from "../../ui/paths";
import { TextCard } from "../../ui/TextCard";
import { MetadataCard } from "./MetadataCard";
import styles from "./OverviewTab.module.css";
import { useEditRun } from "./useEditRun";

export function OverviewTab({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const edit = useEditRun(runRef, run);
  return (
    <div className={styles.overview}>
      <div className={styles.column}>
        {run.overwritten_value_count > 0 && (
          <p className={styles.notice}>
            <Icon name="info" size={14} />
            <span>
              {run.overwritten_value_count.toLocaleString("en-US")} values were logged again for a
              step that had them; the last one counts.
            </span>
          </p>
        )}
        <TextCard
          title="Notes"
          text={run.notes ?? ""}
          invitation="What is this run about? Add a note."
          onSave={(notes) => edit("notes", notes)}
        />
        <MetadataCard runRef={runRef} run={run} />
      </div>
      <div className={styles.column}>
        <SearchableTree
          title="Summary"
          param="summary"
          value={run.summary}
          empty="The last values that the run logs appear here."
          snippet={'run.log({"loss": 0.3})'}
        />
        <SearchableTree
          title="Config"
          param="config"
          value={run.config}
          empty="This run was started without settings. Pass them when it starts:"
          snippet={'wandb.init(config={"lr": 0.001})'}
        />
      </div>
    </div>
  );
}

interface SearchableTreeProps {
  title: string;
  /** Search parameter of the page's address that holds the text. */
  param: string;
  value: JsonObject;
  empty: string;
  snippet: string;
}

function SearchableTree({ title, param, value, empty, snippet }: SearchableTreeProps) {
  const [params, setParams] = useSearchParams();
  const search = params.get(param) ?? "";
  const deferred = useDeferredValue(search);
  const count = Object.keys(value).length === 0 ? 0 : countLeaves(value);
  const setSearch = (text: string) =>
    setParams(
      (before) => {
        if (text === "") before.delete(param);
        else before.set(param, text);
        return before;
      },
      { replace: true },
    );
  return (
    <Card
      title={title}
      count={count}
      action={
        count > 0 && (
          <SearchInput label={`Filter ${title.toLowerCase()}`} value={search} onText={setSearch} />
        )
      }
    >
      {count === 0 ? (
        <div className={styles.empty}>
          <p>{empty}</p>
          <CodeBlock code={snippet} />
        </div>
      ) : (
        <KeyValueTree label={title} value={value} search={deferred} />
      )}
    </Card>
  );
}

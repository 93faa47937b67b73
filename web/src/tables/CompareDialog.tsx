import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { pathOf, request } from "../api/client";
import type { MediaAt, Page, PageOfMediaKey, VersionHead } from "../api/types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { EmptyState } from "../ui/EmptyState";
import { ErrorCard } from "../ui/ErrorCard";
import { Field, SearchInput } from "../ui/Input";
import { Select } from "../ui/Select";
import { SkeletonRows } from "../ui/Skeleton";
import { TimeAgo } from "../ui/values";
import styles from "./CompareDialog.module.css";
import { parseRef, writeRef } from "./refs";

interface CompareDialogProps {
  tableRef: string;
  entity: string;
  project: string;
  onClose: () => void;
  onChoose: (ref: string) => void;
}

type Source = "runs" | "versions" | "ref";
/** Beyond the last step of any run: the newest table of each. */
const LAST_STEP = 2 ** 52;

/** Asks which table to put beside this one: of another run, of another version, or any. */
export function CompareDialog(props: CompareDialogProps) {
  const isVersion = parseRef(props.tableRef)?.kind === "artifact";
  const [source, setSource] = useState<Source>("runs");
  return (
    <Dialog title="Compare with another table" isOpen onClose={props.onClose}>
      <Select
        label="Choose from"
        value={source}
        choices={[
          { value: "runs", label: "tables that runs logged" },
          ...(isVersion
            ? [{ value: "versions" as const, label: "versions of this artifact" }]
            : []),
          { value: "ref", label: "a reference" },
        ]}
        onChoose={setSource}
      />
      {source === "runs" && <RunTables {...props} />}
      {source === "versions" && <Versions {...props} />}
      {source === "ref" && <Reference {...props} />}
    </Dialog>
  );
}

function RunTables({ tableRef, entity, project, onChoose }: CompareDialogProps) {
  const api = `/api/v1${pathOf(entity, project)}`;
  const [chosen, setChosen] = useState<string | null>(null);
  const [search, setSearch] = useState("");
  const keys = useQuery({
    queryKey: ["media", entity, project, "table-keys"],
    queryFn: ({ signal }) =>
      request<PageOfMediaKey>(`${api}/media:query`, {
        method: "POST",
        body: { limit: 500 },
        signal,
      }),
  });
  const tables = (keys.data?.items ?? []).filter(({ kind }) => kind === "table");
  const path = parseRef(tableRef)?.path ?? "";
  const own = tables.find(
    ({ key }) => path.includes(key.replaceAll("/", "%2F")) || path.includes(key),
  );
  const key = chosen ?? own?.key ?? tables[0]?.key ?? null;
  const at = useQuery({
    queryKey: ["media", entity, project, "at", key, LAST_STEP],
    queryFn: ({ signal }) =>
      request<MediaAt>(`${api}/media:at`, {
        method: "POST",
        body: { key, step: LAST_STEP },
        signal,
      }),
    enabled: key !== null,
  });
  if (keys.isPending) return <SkeletonRows count={5} label="Looking for tables" />;
  if (keys.isError) {
    return (
      <ErrorCard error={keys.error} title="The tables could not be listed" onRetry={keys.refetch} />
    );
  }
  if (key === null) return <EmptyState title="No run of this project logged a table" />;
  const runs = (at.data?.runs ?? []).flatMap(({ run, step, items }) => {
    const refs = items[0]?.table_refs ?? [];
    const ref = refs.find((each) => each !== tableRef && !refs.includes(tableRef));
    return ref !== undefined && run.includes(search) ? [{ run, step, ref }] : [];
  });
  return (
    <>
      <Select
        label="Table"
        value={key}
        choices={tables.map((each) => ({ value: each.key, label: each.key }))}
        onChoose={setChosen}
      />
      <SearchInput label="Find a run" value={search} onText={setSearch} />
      {at.isPending && <SkeletonRows count={5} label="Looking for runs" />}
      {at.isError && (
        <ErrorCard error={at.error} title="The runs could not be listed" onRetry={at.refetch} />
      )}
      {at.isSuccess && runs.length === 0 && (
        <p className={styles.none}>No other run has this table.</p>
      )}
      <ul className={styles.list} aria-label="Runs to compare with">
        {runs.map(({ run, step, ref }) => (
          <li key={run}>
            <button type="button" onClick={() => onChoose(ref)}>
              <span>{run}</span>
              <span className={styles.fact}>step {step.toLocaleString("en-US")}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Versions({ tableRef, onChoose }: CompareDialogProps) {
  const place = parseRef(tableRef);
  const versions = useQuery({
    queryKey: ["table-versions", tableRef],
    queryFn: ({ signal }) => {
      const { entity = "", project = "", name = "" } = place ?? {};
      const path = `/api/v1${pathOf(entity, project, "artifacts", name)}/versions`;
      return request<Page<VersionHead>>(path, { query: { limit: 100 }, signal });
    },
    enabled: place !== null,
  });
  if (place === null || versions.isPending)
    return <SkeletonRows count={5} label="Loading the versions" />;
  if (versions.isError) {
    return (
      <ErrorCard
        error={versions.error}
        title="The versions could not be read"
        onRetry={versions.refetch}
      />
    );
  }
  const others = versions.data.items.filter(({ version }) => version !== place.version);
  if (others.length === 0) return <p className={styles.none}>This is the only version so far.</p>;
  return (
    <ul className={styles.list} aria-label="Versions to compare with">
      {others.map(({ version, aliases, created_at_us }) => (
        <li key={version}>
          <button type="button" onClick={() => onChoose(writeRef({ ...place, version }))}>
            <span>{[version, ...aliases].join(" · ")}</span>
            <span className={styles.fact}>
              <TimeAgo us={created_at_us} />
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Reference({ onChoose }: CompareDialogProps) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (parseRef(text.trim()) !== null) onChoose(text.trim());
    else
      setProblem(
        "Write it as run:ENTITY/PROJECT/RUN/PATH or artifact:ENTITY/PROJECT/NAME:VERSION/PATH.",
      );
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <Field
        label="Reference of the table"
        placeholder="artifact:acme/mnist/eval:v3/rows.table.json"
        value={text}
        error={problem}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setProblem(null);
        }}
      />
      <Button look="primary" type="submit">
        Compare
      </Button>
    </form>
  );
}

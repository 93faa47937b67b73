import { useState } from "react";
import type { ChangedRow, FileChanges, JsonValue, TableDiff } from "~/api/types";
import { Card } from "~/ui/Card";
import { ErrorCard } from "~/ui/ErrorCard";
import type { VersionAddress } from "~/ui/paths";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import styles from "./DiffTab.module.css";
import { Value } from "./DiffValues";
import { ROW_CHANGES_PAGE, type RowChange, useTableDiff } from "./queries";

interface TableChangesCardProps {
  address: VersionAddress;
  from: string;
  to: string;
  files: FileChanges;
}

// As in server/rooms/tables/model.py.
const TABLE_ENDINGS = [".table.json", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"];
const COLUMNS_SHOWN = 12;
const MARKS: Record<RowChange, string> = { added: "+", removed: "−", changed: "~" };
const CHANGES = [
  { value: "", label: "All changes" },
  { value: "added", label: "Added" },
  { value: "removed", label: "Removed" },
  { value: "changed", label: "Changed" },
] as const;

/** The rows that differ in a table which both versions have and which is not the same. */
export function TableChangesCard({ address, from, to, files }: TableChangesCardProps) {
  const paths = files.changed
    .map(({ path }) => path)
    .filter((path) => TABLE_ENDINGS.some((ending) => path.toLowerCase().endsWith(ending)));
  const [chosen, setChosen] = useState("");
  const first = paths[0];
  if (first === undefined) return null;
  const path = paths.includes(chosen) ? chosen : first;
  const { entity, project, name } = address;
  const refOf = (version: string) => `artifact:${entity}/${project}/${name}:${version}/${path}`;
  return (
    <Card
      title="Rows of tables"
      action={
        paths.length > 1 && (
          <Select
            label="Table"
            isLabelHidden
            value={path}
            choices={paths.map((each) => ({ value: each, label: each }))}
            onChoose={setChosen}
          />
        )
      }
    >
      <RowChanges key={path} path={path} before={refOf(from)} after={refOf(to)} />
    </Card>
  );
}

interface RowChangesProps {
  path: string;
  before: string;
  after: string;
}

function RowChanges({ path, before, after }: RowChangesProps) {
  const [change, setChange] = useState<RowChange | "">("");
  // Null leaves the choice of the key to the server; "" compares whole rows.
  const [key, setKey] = useState<string | null>(null);
  const diff = useTableDiff(
    { before, after, on: key === null ? null : key === "" ? [] : [key] },
    change,
  );
  const pages = diff.data?.pages;
  const newest = pages?.[0];
  if (diff.isError && newest === undefined) {
    return (
      <ErrorCard
        error={diff.error}
        title={`The rows of ${path} could not be compared`}
        onRetry={diff.refetch}
      />
    );
  }
  if (newest === undefined)
    return <SkeletonRows count={4} label={`Comparing the rows of ${path}`} />;
  const rows = pages?.flatMap((page) => page.rows) ?? [];
  const shared = newest.before_columns
    .map((column) => column.name)
    .filter((column) => !newest.columns_removed.includes(column));
  return (
    <>
      <div className={styles.tools}>
        <Select
          label="Rows are told apart by"
          value={newest.on[0] ?? ""}
          choices={[
            { value: "", label: "all of their values" },
            ...shared.map((column) => ({ value: column, label: column })),
          ]}
          onChoose={setKey}
        />
        <Select label="Show" value={change} choices={CHANGES} onChoose={setChange} />
      </div>
      <p className={styles.none}>
        <strong>{path}</strong>: {summaryOf(newest)}
      </p>
      {newest.warnings.map((warning) => (
        <p key={warning} className={styles.none}>
          {warning}
        </p>
      ))}
      {rows.length > 0 && <RowTable path={path} diff={newest} rows={rows} />}
      {diff.isError && (
        <ErrorCard error={diff.error} title="There is more" onRetry={() => diff.fetchNextPage()} />
      )}
      {diff.hasNextPage && !diff.isError && (
        <button
          type="button"
          className={styles.more}
          disabled={diff.isFetchingNextPage}
          onClick={() => diff.fetchNextPage()}
        >
          Show {Math.min(ROW_CHANGES_PAGE, newest.total - rows.length)} more of{" "}
          {newest.total.toLocaleString("en-US")}
        </button>
      )}
    </>
  );
}

function summaryOf(diff: TableDiff): string {
  const counts = (["added", "removed", "changed"] as const).map(
    (change) => `${diff[change].toLocaleString("en-US")} ${change}`,
  );
  const columns = [
    diff.columns_added.length > 0 && `columns added: ${diff.columns_added.join(", ")}`,
    diff.columns_removed.length > 0 && `columns removed: ${diff.columns_removed.join(", ")}`,
  ].filter((each) => each !== false);
  return [
    `${counts.join(", ")}, ${diff.same.toLocaleString("en-US")} rows the same`,
    ...columns,
  ].join("; ");
}

/** The columns of both, those of the newer table first. */
function RowTable({
  path,
  diff,
  rows,
}: {
  path: string;
  diff: TableDiff;
  rows: readonly ChangedRow[];
}) {
  const names = [...diff.after_columns.map(({ name }) => name), ...diff.columns_removed];
  const places = (columns: TableDiff["after_columns"]) =>
    new Map(columns.map(({ name }, place) => [name, place]));
  const [before, after] = [places(diff.before_columns), places(diff.after_columns)];
  const shown = names.slice(0, COLUMNS_SHOWN);
  return (
    <div className={styles.wide}>
      <table className={styles.table} aria-label={`Changed rows of ${path}`}>
        <thead>
          <tr>
            <th scope="col" className={styles.markColumn}>
              <span className="visually-hidden">Change</span>
            </th>
            {shown.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.before_row} ${row.after_row}`}>
              <td>
                <Mark change={row.change as RowChange} />
              </td>
              {shown.map((name) => (
                <td key={name}>
                  <ChangedCell
                    before={cellOf(row.before, before.get(name))}
                    after={cellOf(row.after, after.get(name))}
                    isChanged={row.columns.includes(name)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {names.length > shown.length && (
        <p className={styles.none}>
          and {names.length - shown.length} more columns, which count but are not shown
        </p>
      )}
    </div>
  );
}

function cellOf(cells: ChangedRow["before"], place: number | undefined): JsonValue | undefined {
  return place === undefined ? undefined : cells?.[place];
}

interface ChangedCellProps {
  before: JsonValue | undefined;
  after: JsonValue | undefined;
  isChanged: boolean;
}

function ChangedCell({ before, after, isChanged }: ChangedCellProps) {
  if (!isChanged) return <Value value={after === undefined ? before : after} />;
  return (
    <>
      <del>
        <Value value={before} />
      </del>{" "}
      <ins>
        <Value value={after} />
      </ins>
    </>
  );
}

function Mark({ change }: { change: RowChange }) {
  return (
    <span className={styles.mark} data-change={change} title={change}>
      <span aria-hidden="true">{MARKS[change]}</span>
      <span className="visually-hidden">{change}</span>
    </span>
  );
}

import { type ReactNode, useEffect, useState } from "react";
import type { TableColumn } from "../api/types";
import { Button } from "../ui/Button";
import { SearchInput } from "../ui/Input";
import { Menu, MenuItem } from "../ui/Menu";
import { ColumnsDialog } from "./ColumnsDialog";
import { DownloadDialog } from "./DownloadDialog";
import type { RowsQuery } from "./queries";
import { SaveDialog } from "./SaveDialog";
import styles from "./TableToolbar.module.css";
import type { TableState } from "./tableState";
import { chooseColumns } from "./tableView";

interface TableToolbarProps {
  label: string;
  columns: readonly TableColumn[];
  state: TableState;
  query: RowsQuery;
  /** Rows or groups that are found. */
  total: number;
  rowCount: number;
  isGrouped: boolean;
  isFetching: boolean;
  place?: { entity: string; project: string };
  actions?: ReactNode;
  onChange: (patch: Partial<TableState>) => void;
  onFilter: () => void;
  onGroup: () => void;
}

type Asked = "columns" | "save" | "download";
/** A search is asked for once typing rests. */
const REST_MS = 250;

export function TableToolbar(props: TableToolbarProps) {
  const { label, columns, state, query, total, rowCount, isGrouped, place, onChange } = props;
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const shownCount = chooseColumns(columns, state).length;
  const name = nameFor(label);
  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Table">
      <Search text={state.q} onText={(q) => onChange({ q })} />
      <Button icon="search" onClick={props.onFilter}>
        Filter
      </Button>
      {!isGrouped && (
        <Button icon="stack" onClick={props.onGroup}>
          Group
        </Button>
      )}
      <Button
        icon="chart"
        aria-pressed={state.facet.length > 0}
        onClick={() =>
          onChange({ facet: state.facet.length > 0 ? [] : firstFacets(columns), row: state.row })
        }
      >
        Values
      </Button>
      {!isGrouped && (
        <Button icon="list" onClick={() => setAsked("columns")}>
          Columns{shownCount < columns.length && ` ${shownCount}/${columns.length}`}
        </Button>
      )}
      <Button
        icon="chevronsUpDown"
        aria-pressed={state.tall}
        onClick={() => onChange({ tall: !state.tall, row: state.row })}
      >
        Tall rows
      </Button>
      <p className={styles.count} role="status" aria-busy={props.isFetching || undefined}>
        {describeCount(total, rowCount, isGrouped)}
      </p>
      <div className={styles.end}>
        {props.actions}
        <Menu align="end" trigger={<Button icon="download">Save</Button>}>
          <MenuItem icon="download" onSelect={() => setAsked("download")}>
            Download as CSV…
          </MenuItem>
          {place !== undefined && !isGrouped && (
            <MenuItem icon="box" onSelect={() => setAsked("save")}>
              Save as a dataset…
            </MenuItem>
          )}
        </Menu>
      </div>
      {asked === "columns" && (
        <ColumnsDialog columns={columns} state={state} onChange={onChange} onClose={close} />
      )}
      {asked === "download" && <DownloadDialog {...{ query, total, name }} onClose={close} />}
      {asked === "save" && place !== undefined && (
        <SaveDialog {...place} {...{ query, total }} suggestion={`${name}-part`} onClose={close} />
      )}
    </div>
  );
}

function Search({ text, onText }: { text: string; onText: (text: string) => void }) {
  const [draft, setDraft] = useState(text);
  const [seen, setSeen] = useState(text);
  // What came from elsewhere, as by "Clear filters", replaces what is being typed.
  if (seen !== text) {
    setSeen(text);
    setDraft(text);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing starts the wait
  useEffect(() => {
    if (draft === text) return;
    const timer = setTimeout(() => onText(draft), REST_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  return (
    <div className={styles.search}>
      <SearchInput label="Search all columns" value={draft} onText={setDraft} />
    </div>
  );
}

function describeCount(total: number, rowCount: number, isGrouped: boolean): string {
  const [found, all] = [total.toLocaleString("en-US"), rowCount.toLocaleString("en-US")];
  if (isGrouped) return `${found} ${total === 1 ? "group" : "groups"} of ${all} rows`;
  if (total === rowCount) return `${all} ${rowCount === 1 ? "row" : "rows"}`;
  return `${found} of ${all} rows`;
}

const FACETS_FIRST = 3;

/** Columns whose values are worth a look: few different ones, or numbers. */
function firstFacets(columns: readonly TableColumn[]): string[] {
  const isFew = ({ type, distinct }: TableColumn) =>
    type === "boolean" || (type === "string" && distinct != null && distinct <= 50);
  const chosen = columns.filter(isFew);
  const numbers = columns.filter(({ type, distinct }) => type === "number" && (distinct ?? 0) > 1);
  const names = [...chosen, ...numbers].slice(0, FACETS_FIRST).map(({ name }) => name);
  return names.length > 0 ? names : columns.slice(0, 1).map(({ name }) => name);
}

/** A name of files and collections made of a label. */
function nameFor(label: string): string {
  const name = label
    .replace(/\.(table\.json|csv|tsv|jsonl|ndjson|parquet)$/i, "")
    .replace(/[^\w.-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "table" : name.slice(0, 100);
}

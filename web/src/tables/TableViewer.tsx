import { lazy, type ReactNode, Suspense, useCallback, useMemo, useState } from "react";
import type { TableSchema } from "../api/types";
import type { ShownMedia } from "../media/items";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { ErrorCard } from "../ui/ErrorCard";
import { SkeletonRows } from "../ui/Skeleton";
import { FacetPanel } from "./FacetPanel";
import { type Editing, FilterBar, newCondition } from "./FilterBar";
import { type Filter, narrow, widen } from "./filterGroups";
import { BackToGroups, GroupBar } from "./GroupBar";
import { PAGE_ROWS, useRows, useSchema, useStable } from "./queries";
import { RowDrawer } from "./RowDrawer";
import { RowGrid } from "./RowGrid";
import { TableToolbar } from "./TableToolbar";
import styles from "./TableViewer.module.css";
import { type TableState, toggleSort } from "./tableState";
import { conditionsOfGroup, makeView } from "./tableView";

const PictureDialog = lazy(() => import("../media/PictureDialog"));

export interface TableViewerProps {
  tableRef: string;
  /** What the grid is called. */
  label: string;
  state: TableState;
  onChange: (patch: Partial<TableState>) => void;
  /** Where rows are saved to as a dataset; without it there is no such button. */
  place?: { entity: string; project: string };
  /** Further buttons at the end of the toolbar. */
  actions?: ReactNode;
}

/** A table of any size: what is on screen is asked of the server, and everything chosen is in `state`. */
export function TableViewer(props: TableViewerProps) {
  const schema = useSchema(props.tableRef);
  if (schema.isPending) {
    return (
      <div className={styles.message}>
        <SkeletonRows count={12} label="Preparing the table" />
      </div>
    );
  }
  if (schema.isError) {
    return (
      <ErrorCard
        error={schema.error}
        title="The table could not be read"
        onRetry={() => void schema.refetch()}
      />
    );
  }
  if (schema.data.columns.length === 0) {
    return <EmptyState icon="file" title="This table has no columns" />;
  }
  return <OpenTable key={props.tableRef} {...props} schema={schema.data} />;
}

const NO_FILTER: Filter = { match: "all", clauses: [] };
const FIRST = { first: 0, last: 0 };

function OpenTable({
  tableRef,
  label,
  schema,
  state,
  onChange,
  place,
  actions,
}: TableViewerProps & { schema: TableSchema }) {
  const { columns } = schema;
  const made = useMemo(() => makeView(tableRef, columns, state), [tableRef, columns, state]);
  const view = useStable(made);
  const { query, isGrouped } = view;
  const [range, setRange] = useState(FIRST);
  const onRange = useCallback((first: number, last: number) => setRange({ first, last }), []);
  const pages = useRows(query, range);
  const total = useLastKnown(pages.any?.total, schema.row_count);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [enlarged, setEnlarged] = useState<ShownMedia | null>(null);
  const conditions: Filter = { match: state.match, clauses: state.where };
  const openRow = isGrouped ? -1 : state.row - 1;

  /** Another question: the opened row would be another one. */
  const ask = (patch: Partial<TableState>) => onChange({ row: 0, ...patch });
  const group = (names: readonly string[]) => {
    const isSame = names.length > 0 && state.group.length > 0;
    ask({ group: names, from: [], sort: isSame ? state.sort : [] });
  };
  const openGroup = (row: number) => {
    const page = pages.pageOf(row);
    const by = query.group_by ?? [];
    const found =
      page === undefined ? null : conditionsOfGroup(page, row % PAGE_ROWS, view.columns, by);
    if (found === null) return;
    ask({ ...stateOf(narrow(conditions, found)), group: [], from: by, sort: [] });
  };
  const goBack = () => {
    const own = stateOf(widen(conditions, state.from.length));
    ask({ ...own, group: state.from, from: [], sort: [] });
  };
  const filter = (next: Filter) => {
    setEditing(null);
    ask({ ...stateOf(next), from: [] });
  };

  return (
    <section className={styles.viewer} aria-label={label}>
      <TableToolbar
        {...{ label, columns, state, query, total, isGrouped, actions }}
        rowCount={schema.row_count}
        isFetching={pages.isFetching}
        onChange={ask}
        onFilter={() => setEditing(newCondition(columns[0]?.name ?? ""))}
        onGroup={() => group([columns.find(isGroupable)?.name ?? columns[0]?.name ?? ""])}
        {...(place === undefined ? {} : { place })}
      />
      {schema.warnings.length > 0 && (
        <ul className={styles.warnings} aria-label="Warnings">
          {schema.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <FilterBar
        columns={columns}
        filter={conditions}
        editing={editing}
        onEdit={setEditing}
        onChange={filter}
      />
      {isGrouped && (
        <GroupBar
          columns={columns}
          group={state.group}
          aggregates={state.agg}
          onGroup={group}
          onAggregate={(agg) => ask({ agg })}
        />
      )}
      {!isGrouped && state.from.length > 0 && (
        <BackToGroups from={state.from} onBack={goBack} onForget={() => onChange({ from: [] })} />
      )}
      <div className={styles.body}>
        {pages.error !== null ? (
          <div className={styles.problem}>
            <ErrorCard
              error={pages.error}
              title="The rows could not be read"
              onRetry={pages.refetch}
            />
            {state.where.length > 0 && (
              <Button onClick={() => filter(NO_FILTER)}>Clear filters</Button>
            )}
          </div>
        ) : total === 0 ? (
          <NoRows state={state} onClear={() => ask({ ...stateOf(NO_FILTER), q: "", from: [] })} />
        ) : (
          <RowGrid
            {...{ label, view, pages, total, state, openRow, onRange }}
            about={isGrouped ? [] : columns}
            onOpen={isGrouped ? openGroup : (row) => onChange({ row: row + 1 })}
            onEnlarge={setEnlarged}
            onSort={(column, isMore) => ask({ sort: toggleSort(state.sort, column, isMore) })}
            onOrder={(sort) => ask({ sort })}
            {...(isGrouped
              ? {}
              : {
                  onFilter: (column) => setEditing(newCondition(column)),
                  onFacet: (column) => onChange({ facet: [...new Set([...state.facet, column])] }),
                  onGroup: (column) => group([column]),
                  onHide: (column) => onChange(hideColumn(state, column)),
                })}
          />
        )}
        {openRow >= 0 && openRow < total && (
          <RowDrawer
            query={{ ...query, columns: columns.length > 500 ? (query.columns ?? null) : null }}
            place={openRow}
            total={total}
            onGo={(row) => onChange({ row: row + 1 })}
            onClose={() => onChange({ row: 0 })}
            onEnlarge={setEnlarged}
          />
        )}
        {state.facet.length > 0 && (
          <FacetPanel
            query={query}
            columns={columns}
            shown={state.facet}
            filter={conditions}
            onShow={(facet) => onChange({ facet })}
            onFilter={filter}
          />
        )}
      </div>
      {enlarged !== null && (
        <Suspense>
          <PictureDialog
            items={[enlarged]}
            at={0}
            onGo={() => undefined}
            onClose={() => setEnlarged(null)}
          />
        </Suspense>
      )}
    </section>
  );
}

/** A filter of at most one thing says "all": it is the same, and the address shorter. */
function stateOf({ match, clauses }: Filter): Pick<TableState, "where" | "match"> {
  return { where: clauses, match: clauses.length < 2 ? "all" : match };
}

function NoRows({ state, onClear }: { state: TableState; onClear: () => void }) {
  const isAsked = state.where.length > 0 || state.q !== "";
  return isAsked ? (
    <EmptyState icon="search" title="No row passes" text="Nothing in the table fits the filters.">
      <Button onClick={onClear}>Clear filters and search</Button>
    </EmptyState>
  ) : (
    <EmptyState icon="file" title="This table has no rows" />
  );
}

function isGroupable({ type, distinct }: TableSchema["columns"][number]): boolean {
  return (type === "string" || type === "boolean") && (distinct ?? 2) <= 100;
}

function hideColumn(state: TableState, column: string): Partial<TableState> {
  return {
    hide: [...new Set([...state.hide, column])],
    also: state.also.filter((name) => name !== column),
  };
}

/** The last value there was: while the next one is on its way the grid keeps its length. */
function useLastKnown(value: number | undefined, initial: number): number {
  const [known, setKnown] = useState(initial);
  if (value !== undefined && value !== known) setKnown(value);
  return value ?? known;
}

import { useCallback, useMemo } from "react";
import { Link } from "react-router";
import { Grid, type GridColumn } from "~/tables/Grid";
import { Card } from "~/ui/Card";
import { classes } from "~/ui/classes";
import { EmptyState } from "~/ui/EmptyState";
import { Icon } from "~/ui/Icon";
import { runPath } from "~/ui/paths";
import type { SweepPlace, TrialColumns } from "./data";
import { OUTCOME_LOOKS } from "./outcomes";
import type { TrialSelection } from "./selection";
import styles from "./TrialsTable.module.css";
import { listTableColumns, nextSort, parseSort, sortRows, type TableColumn } from "./trialTable";

interface TrialsTableProps {
  place: SweepPlace;
  columns: TrialColumns;
  /** Counted and selected rows. */
  rows: ArrayLike<number>;
  isSelection: boolean;
  sort: string;
  selection: TrialSelection;
  onSort: (sort: string) => void;
  onOpen: (row: number) => void;
}

const ROW_PX = 34;
const HEAD_PX = 34;
const HEIGHT_MAX = 560;

/** Every counted trial; of a selection only what is in it. */
export function TrialsTable(props: TrialsTableProps) {
  const { place, columns, rows, isSelection, sort, selection, onSort, onOpen } = props;
  const table = useMemo(() => listTableColumns(columns), [columns]);
  const asked = parseSort(sort);
  const sorted = useMemo(() => {
    const parsed = parseSort(sort);
    return sortRows(
      rows,
      table.find(({ id }) => id === parsed?.id),
      parsed?.isDown ?? false,
    );
  }, [rows, table, sort]);
  const grid = useMemo(
    () =>
      table.map((column): GridColumn => {
        const isSorted = asked?.id === column.id;
        const way = asked?.isDown ? "descending" : "ascending";
        return {
          id: column.id,
          width: column.width,
          isNumber: column.isNumber,
          sort: isSorted ? way : undefined,
          header: (
            <SortButton
              label={column.label}
              way={isSorted ? way : null}
              isNumber={column.isNumber}
              onClick={() => onSort(nextSort(sort, column.id))}
            />
          ),
        };
      }),
    [table, asked?.id, asked?.isDown, sort, onSort],
  );
  const cell = useCallback(
    (at: number, column: number) => {
      const row = sorted[at];
      const facts = table[column];
      if (row === undefined || facts === undefined) return undefined;
      return <CellContent {...{ place, columns, row }} column={facts} />;
    },
    [sorted, table, columns, place],
  );
  const numberOf = useCallback((at: number) => columns.ids[sorted[at] ?? -1], [columns, sorted]);
  return (
    <Card title={isSelection ? "Selected trials" : "Trials"} count={sorted.length}>
      {sorted.length === 0 ? (
        <EmptyState
          title={isSelection ? "No trial is selected" : "No trial is counted"}
          text={
            isSelection
              ? "No trial lies in all brushed ranges."
              : "Switch outcomes on above the parallel coordinates."
          }
        />
      ) : (
        <div
          className={styles.frame}
          style={{ height: Math.min(HEIGHT_MAX, HEAD_PX + 18 + sorted.length * ROW_PX) }}
          onPointerMove={(event) => {
            const row = (event.target as Element).closest("[aria-rowindex]");
            const at = Number(row?.getAttribute("aria-rowindex") ?? 0) - 2;
            selection.hover(columns.ids[sorted[at] ?? -1] ?? null);
          }}
          onPointerLeave={() => selection.hover(null)}
        >
          <Grid
            label="Trials"
            columns={grid}
            rowCount={sorted.length}
            rowHeight={ROW_PX}
            headerHeight={HEAD_PX}
            numberOf={numberOf}
            cell={cell}
            openLabel="Open trial"
            onOpen={(at) => {
              const row = sorted[at];
              if (row !== undefined) onOpen(row);
            }}
            question={sort}
            onRange={ignore}
          />
        </div>
      )}
    </Card>
  );
}

const ignore = () => {};

interface SortButtonProps {
  label: string;
  way: "ascending" | "descending" | null;
  isNumber: boolean;
  onClick: () => void;
}

function SortButton({ label, way, isNumber, onClick }: SortButtonProps) {
  return (
    <button
      type="button"
      className={classes(styles.head, isNumber && styles.end)}
      title={`${label}: sort`}
      onClick={onClick}
    >
      <span>{label}</span>
      {way !== null && <Icon name={way === "ascending" ? "chevronUp" : "chevronDown"} size={12} />}
    </button>
  );
}

interface CellContentProps {
  place: SweepPlace;
  columns: TrialColumns;
  row: number;
  column: TableColumn;
}

function CellContent({ place, columns, row, column }: CellContentProps) {
  const text = column.textOf(row);
  if (column.id === "name" && columns.runStates[row] != null) {
    const { entity, project } = place;
    return (
      <Link
        className={styles.text}
        to={runPath({ entity, project, run: columns.runs[row] ?? "" }, "overview")}
        title={text}
      >
        {text}
      </Link>
    );
  }
  if (column.id === "outcome") {
    const { icon, tone } = OUTCOME_LOOKS[columns.outcomes[row] ?? "waiting"];
    return (
      <span className={styles.outcome} data-tone={tone}>
        <Icon name={icon} size={12} />
        {text}
      </span>
    );
  }
  return (
    <span className={styles.text} title={column.titleOf?.(row) ?? text}>
      {text}
    </span>
  );
}

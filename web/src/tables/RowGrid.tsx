import { useMemo } from "react";
import type { TableColumn, TableRows } from "../api/types";
import type { ShownMedia } from "../media/items";
import { Cell } from "./Cell";
import { type ColumnActions, ColumnHeader } from "./ColumnHeader";
import { Grid, type GridColumn } from "./Grid";
import { PAGE_ROWS, type Pages } from "./queries";
import type { TableState } from "./tableState";
import { type TableView, widthOf } from "./tableView";

const ROW_PX = 32;
const MEDIA_ROW_PX = 56;
const TALL_ROW_PX = 108;
const HEADER_PX = 52;

interface RowGridProps extends ColumnActions {
  label: string;
  view: TableView;
  pages: Pages<TableRows>;
  total: number;
  state: TableState;
  /** What is known of the columns; empty for groups. */
  about: readonly TableColumn[];
  openRow: number;
  onOpen: (row: number) => void;
  onRange: (first: number, last: number) => void;
  onEnlarge: (item: ShownMedia) => void;
}

/** The rows, or groups of rows, of a table. */
export function RowGrid(props: RowGridProps) {
  const { label, view, pages, total, state, about, openRow, onOpen, onRange, onEnlarge } = props;
  const { onSort, onOrder, onFilter, onFacet, onGroup, onHide } = props;
  const { where, search, sort, group_by } = view.query;
  const known = useMemo(() => new Map(about.map((column) => [column.name, column])), [about]);
  const hasPictures = view.columns.some(({ media_type }) => media_type === "image-file");
  const rowHeight = state.tall ? TALL_ROW_PX : hasPictures ? MEDIA_ROW_PX : ROW_PX;
  const columns: GridColumn[] = view.columns.map((head) => {
    const sort = state.sort.find((each) => each.column === head.name);
    return {
      id: head.name,
      width: widthOf(head, known.get(head.name)),
      isNumber: head.type === "number",
      sort: sort === undefined ? undefined : sort.desc === true ? "descending" : "ascending",
      header: (
        <ColumnHeader
          head={head}
          about={known.get(head.name)}
          sorts={state.sort}
          onSort={onSort}
          onOrder={onOrder}
          {...(onFilter ? { onFilter } : {})}
          {...(onFacet && head.type !== "media" ? { onFacet } : {})}
          {...(onGroup && head.type !== "media" ? { onGroup } : {})}
          {...(onHide ? { onHide } : {})}
        />
      ),
    };
  });
  return (
    <Grid
      label={view.isGrouped ? `Groups of ${label}` : `Rows of ${label}`}
      columns={columns}
      rowCount={total}
      rowHeight={rowHeight}
      question={JSON.stringify([where, search, sort, group_by])}
      headerHeight={HEADER_PX}
      openRow={openRow}
      openLabel={view.isGrouped ? "Show the rows of group" : "Open row"}
      onOpen={onOpen}
      onRange={onRange}
      numberOf={(row) =>
        view.isGrouped ? pages.pageOf(row) && row + 1 : pages.pageOf(row)?.row_ids[row % PAGE_ROWS]
      }
      cell={(row, column) => {
        const cells = pages.pageOf(row)?.rows[row % PAGE_ROWS];
        const head = view.columns[column];
        if (cells === undefined || head === undefined) return undefined;
        return (
          <Cell
            value={cells[column] ?? null}
            type={head.type}
            isTall={state.tall}
            onEnlarge={onEnlarge}
          />
        );
      }}
    />
  );
}

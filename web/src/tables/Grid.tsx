// biome-ignore-all lint/a11y/useSemanticElements: a table element cannot hold rows that are placed by hand
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and says which cell is active
import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { classes } from "../ui/classes";
import styles from "./Grid.module.css";
import { edgesOf, scrollToRow, windowColumns, windowRows } from "./gridWindow";

export interface GridColumn {
  id: string;
  width: number;
  header: ReactNode;
  /** Numbers stand at the end of their cell. */
  isNumber?: boolean;
  sort?: "ascending" | "descending" | undefined;
}

interface GridProps {
  label: string;
  columns: readonly GridColumn[];
  rowCount: number;
  rowHeight: number;
  headerHeight: number;
  /** What stands in the first column, as the number of the row in its file; undefined while it is not known. */
  numberOf: (row: number) => number | undefined;
  /** undefined while it is not here yet. */
  cell: (row: number, column: number) => ReactNode | undefined;
  /** A mark on a whole row, as its outcome. */
  toneOf?: (row: number) => string | undefined;
  /** The row that is open beside the grid, or -1. */
  openRow?: number;
  openLabel?: string;
  onOpen?: (row: number) => void;
  /** Which rows these are: those of another question are seen from the first on. */
  question?: string;
  /** The rows on screen changed. */
  onRange: (first: number, last: number) => void;
}

export const NUMBER_PX = 64;
/** Pages are asked for once scrolling rests so long. */
const REST_MS = 60;
const FALLBACK = { width: 1024, height: 600 };

interface Place {
  row: number;
  column: number;
}

/** A table of any length and width, of which only what is on screen exists. Arrow keys move, Enter opens a row. */
export function Grid(props: GridProps) {
  const {
    label,
    columns,
    rowCount,
    rowHeight,
    headerHeight,
    onOpen,
    onRange,
    question,
    openRow = -1,
  } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, left: 0 });
  const view = useSize(scroller);
  const [active, setActive] = useState<Place | null>(null);
  const viewHeight = Math.max(rowHeight, view.height - headerHeight);
  const facts = { scrollTop: scroll.top, viewHeight, rowHeight, rowCount };
  const rows = windowRows(facts);
  const edges = useMemo(() => edgesOf(columns.map((column) => column.width)), [columns]);
  const shown = windowColumns(edges, scroll.left, view.width - NUMBER_PX);
  const width = NUMBER_PX + (edges.at(-1) ?? 0);

  const { first, last } = rows;
  const isTold = useRef(false);
  useEffect(() => {
    const tell = () => onRange(first, Math.max(first, last));
    if (!isTold.current) {
      isTold.current = true;
      tell();
      return;
    }
    const timer = setTimeout(tell, REST_MS);
    return () => clearTimeout(timer);
  }, [first, last, onRange]);

  const bring = (place: Place) => {
    const element = scroller.current;
    if (element === null) return;
    element.scrollTop = scrollToRow(place.row, { ...facts, scrollTop: element.scrollTop });
    const [left = 0, right = 0] = [edges[place.column], edges[place.column + 1]];
    const room = element.clientWidth - NUMBER_PX;
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right > element.scrollLeft + room) element.scrollLeft = right - room;
  };
  const asked = useRef(question);
  useEffect(() => {
    if (asked.current === question) return;
    asked.current = question;
    if (scroller.current !== null) scroller.current.scrollTop = 0;
  }, [question]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another opened row scrolls
  useEffect(() => {
    if (openRow >= 0 && openRow < rowCount) bring({ row: openRow, column: shown.first });
  }, [openRow]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.target !== event.currentTarget) return;
    const at = active ?? { row: first, column: shown.first };
    const page = Math.max(1, Math.floor(viewHeight / rowHeight) - 1);
    const next = moved(at, event, { page, rowCount, columnCount: columns.length });
    if (event.key === "Enter" && active !== null) onOpen?.(active.row);
    else if (next === null) return;
    else {
      const place = active === null ? at : next;
      setActive(place);
      bring(place);
    }
    event.preventDefault();
  };
  const isActiveShown =
    active !== null &&
    active.row >= first &&
    active.row <= last &&
    active.column >= shown.first &&
    active.column <= shown.last;

  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="grid"
      aria-label={label}
      aria-rowcount={rowCount + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={isActiveShown ? idOf(id, active) : undefined}
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollLeft } }) =>
        setScroll({ top: scrollTop, left: scrollLeft })
      }
      onKeyDown={onKeyDown}
    >
      <div
        className={styles.canvas}
        role="presentation"
        style={{ height: headerHeight + rows.height, width }}
      >
        <Head {...{ columns, shown, edges, headerHeight }} />
        {Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i).map((row) => (
          <Row
            key={row}
            {...{ row, columns, rowHeight, edges, openRow, onOpen }}
            cell={props.cell}
            numberOf={props.numberOf}
            openLabel={props.openLabel}
            {...(props.toneOf === undefined ? {} : { toneOf: props.toneOf })}
            top={headerHeight + rows.base + row * rowHeight}
            firstColumn={shown.first}
            lastColumn={shown.last}
            activeColumn={active?.row === row ? active.column : -1}
            gridId={id}
            onActive={setActive}
          />
        ))}
      </div>
    </div>
  );
}

type ShownColumns = ReturnType<typeof windowColumns>;

interface HeadProps extends Pick<GridProps, "columns" | "headerHeight"> {
  shown: ShownColumns;
  edges: readonly number[];
}

function Head({ columns, headerHeight, shown, edges }: HeadProps) {
  return (
    <div className={styles.head} role="row" aria-rowindex={1} style={{ height: headerHeight }}>
      <div className={styles.number} role="columnheader" aria-colindex={1}>
        <span aria-hidden="true">#</span>
        <span className="visually-hidden">Row</span>
      </div>
      {columns.slice(shown.first, shown.last + 1).map((column, i) => (
        <div
          key={column.id}
          className={classes(styles.header, column.isNumber && styles.end)}
          role="columnheader"
          aria-colindex={shown.first + i + 2}
          aria-sort={column.sort}
          style={{ left: NUMBER_PX + (edges[shown.first + i] ?? 0), width: column.width }}
        >
          {column.header}
        </div>
      ))}
    </div>
  );
}

interface RowProps extends CellsProps, Pick<GridProps, "openRow" | "toneOf" | "numberOf"> {
  top: number;
  openLabel: string | undefined;
}

/** While the grid is scrolled a row moves, and what is in it stays as it is. */
function Row({ top, openRow = -1, toneOf, numberOf, openLabel, ...cells }: RowProps) {
  const { row, rowHeight, onOpen } = cells;
  return (
    <div
      className={styles.row}
      role="row"
      aria-rowindex={row + 2}
      aria-selected={row === openRow || undefined}
      data-tone={toneOf?.(row)}
      style={{ top, height: rowHeight }}
    >
      <RowNumber row={row} number={numberOf(row)} openLabel={openLabel} onOpen={onOpen} />
      <Cells {...cells} />
    </div>
  );
}

interface CellsProps extends Pick<GridProps, "columns" | "rowHeight" | "cell"> {
  row: number;
  firstColumn: number;
  lastColumn: number;
  edges: readonly number[];
  /** The column of the active cell, -1 when that is in another row. */
  activeColumn: number;
  gridId: string;
  onActive: (place: Place) => void;
  onOpen: GridProps["onOpen"] | undefined;
}

const Cells = memo(function Cells(props: CellsProps) {
  const { row, firstColumn, lastColumn, edges, activeColumn, columns, onOpen } = props;
  return columns.slice(firstColumn, lastColumn + 1).map((column, i) => {
    const place = { row, column: firstColumn + i };
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys for its cells
      <div
        key={column.id}
        id={idOf(props.gridId, place)}
        className={classes(
          styles.cell,
          column.isNumber && styles.end,
          place.column === activeColumn && styles.active,
        )}
        role="gridcell"
        aria-colindex={place.column + 2}
        style={{ left: NUMBER_PX + (edges[place.column] ?? 0), width: column.width }}
        onClick={() => props.onActive(place)}
        onDoubleClick={() => onOpen?.(row)}
      >
        {props.cell(row, place.column) ?? <span className={styles.coming} />}
      </div>
    );
  });
});

function idOf(gridId: string, { row, column }: Place): string {
  return `${gridId}-${row}-${column}`;
}

interface RowNumberProps {
  row: number;
  number: number | undefined;
  onOpen: GridProps["onOpen"] | undefined;
  openLabel: string | undefined;
}

const RowNumber = memo(function RowNumber(props: RowNumberProps) {
  const { row, number, onOpen, openLabel = "Open row" } = props;
  const text = number?.toLocaleString("en-US") ?? "";
  return (
    <div className={styles.number} role="rowheader" aria-colindex={1}>
      {onOpen === undefined || number === undefined ? (
        text
      ) : (
        <button
          type="button"
          tabIndex={-1}
          aria-label={`${openLabel} ${text}`}
          onClick={() => onOpen(row)}
        >
          {text}
        </button>
      )}
    </div>
  );
});

/** Where a key leads; null for other keys. */
function moved(
  { row, column }: Place,
  { key, ctrlKey, metaKey }: KeyboardEvent,
  { page, rowCount, columnCount }: { page: number; rowCount: number; columnCount: number },
): Place | null {
  const isFar = ctrlKey || metaKey;
  const steps: Record<string, Place> = {
    ArrowUp: { row: isFar ? 0 : row - 1, column },
    ArrowDown: { row: isFar ? rowCount - 1 : row + 1, column },
    ArrowLeft: { row, column: isFar ? 0 : column - 1 },
    ArrowRight: { row, column: isFar ? columnCount - 1 : column + 1 },
    PageUp: { row: row - page, column },
    PageDown: { row: row + page, column },
    Home: { row: isFar ? 0 : row, column: 0 },
    End: { row: isFar ? rowCount - 1 : row, column: columnCount - 1 },
  };
  const next = steps[key];
  if (next === undefined) return null;
  return {
    row: Math.max(0, Math.min(rowCount - 1, next.row)),
    column: Math.max(0, Math.min(columnCount - 1, next.column)),
  };
}

function useSize(ref: React.RefObject<HTMLElement | null>) {
  const [size, setSize] = useState(FALLBACK);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const take = () =>
      setSize({
        width: element.clientWidth || FALLBACK.width,
        height: element.clientHeight || FALLBACK.height,
      });
    take();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(take);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

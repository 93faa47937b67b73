import type { ColumnHead, TableColumn, TableSort } from "../api/types";
import { IconButton } from "../ui/Button";
import { formatNumber } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Menu, MenuItem, MenuSeparator } from "../ui/Menu";
import styles from "./ColumnHeader.module.css";
import { typeOf } from "./tableView";

export interface ColumnActions {
  onSort: (column: string, isMore: boolean) => void;
  onOrder: (sorts: TableSort[]) => void;
  /** Missing where the column is one of groups. */
  onFilter?: (column: string) => void;
  onFacet?: (column: string) => void;
  onGroup?: (column: string) => void;
  onHide?: (column: string) => void;
}

interface ColumnHeaderProps extends ColumnActions {
  head: ColumnHead;
  /** What the table knows of the column; groups have none. */
  about?: TableColumn | undefined;
  sorts: readonly TableSort[];
}

/** The name sorts; the menu beside it has all else. */
export function ColumnHeader({ head, about, sorts, ...actions }: ColumnHeaderProps) {
  const { name } = head;
  const place = sorts.findIndex((sort) => sort.column === name);
  const sort = sorts[place];
  const others = sorts.filter((each) => each.column !== name);
  const { onFilter, onFacet, onGroup, onHide } = actions;
  return (
    <div className={styles.header}>
      <div className={styles.top}>
        <button
          type="button"
          className={styles.name}
          title={`${name}: click to sort, with Shift to sort by it as well`}
          onClick={(event) => actions.onSort(name, event.shiftKey)}
        >
          <span>{name}</span>
          {sort !== undefined && (
            <span className={styles.sort}>
              <Icon name={sort.desc === true ? "chevronDown" : "chevronUp"} size={12} />
              {sorts.length > 1 && place + 1}
            </span>
          )}
        </button>
        <Menu align="end" trigger={<IconButton icon="more" label={`Column ${name}`} />}>
          <MenuItem
            icon="chevronUp"
            onSelect={() => actions.onOrder([{ column: name, desc: false }])}
          >
            Sort ascending
          </MenuItem>
          <MenuItem
            icon="chevronDown"
            onSelect={() => actions.onOrder([{ column: name, desc: true }])}
          >
            Sort descending
          </MenuItem>
          {others.length > 0 && (
            <>
              <MenuItem
                icon="chevronUp"
                onSelect={() => actions.onOrder([...others, { column: name, desc: false }])}
              >
                Then by it, ascending
              </MenuItem>
              <MenuItem
                icon="chevronDown"
                onSelect={() => actions.onOrder([...others, { column: name, desc: true }])}
              >
                Then by it, descending
              </MenuItem>
            </>
          )}
          {sort !== undefined && (
            <MenuItem icon="x" onSelect={() => actions.onOrder(others)}>
              Do not sort by it
            </MenuItem>
          )}
          {onFilter !== undefined && (
            <>
              <MenuSeparator />
              <MenuItem icon="search" onSelect={() => onFilter(name)}>
                Filter…
              </MenuItem>
            </>
          )}
          {onFacet !== undefined && (
            <MenuItem icon="chart" onSelect={() => onFacet(name)}>
              Show its values
            </MenuItem>
          )}
          {onGroup !== undefined && (
            <MenuItem icon="stack" onSelect={() => onGroup(name)}>
              Group by it
            </MenuItem>
          )}
          {onHide !== undefined && (
            <MenuItem icon="x" onSelect={() => onHide(name)}>
              Hide column
            </MenuItem>
          )}
        </Menu>
      </div>
      <div className={styles.facts}>
        <span>{typeOf(head)}</span>
        {about !== undefined && <Summary column={about} />}
      </div>
    </div>
  );
}

/** How the numbers of a column are spread, or how many different values it has. */
function Summary({ column }: { column: TableColumn }) {
  const { histogram, distinct, min, max } = column;
  if (histogram != null && histogram.counts.length > 1) {
    const most = Math.max(...histogram.counts);
    const bar = 100 / histogram.counts.length;
    const range = typeof min === "number" && typeof max === "number";
    return (
      <svg
        className={styles.histogram}
        viewBox="0 0 100 16"
        preserveAspectRatio="none"
        role="img"
        aria-label={
          range ? `from ${formatNumber(min)} to ${formatNumber(max)}` : `spread of ${column.name}`
        }
      >
        {histogram.counts.map((count, i) => (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: bins are their place
            key={i}
            x={i * bar}
            width={bar * 0.85}
            y={16 - (16 * count) / most}
            height={(16 * count) / most}
          />
        ))}
      </svg>
    );
  }
  const nulls = column.null_count ?? 0;
  return (
    <span>
      {distinct != null && column.type === "string" && `${formatNumber(distinct)} different`}
      {distinct == null && nulls > 0 && `${formatNumber(nulls)} null`}
    </span>
  );
}

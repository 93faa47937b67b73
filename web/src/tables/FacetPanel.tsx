import type { FacetItem, JsonValue, TableColumn } from "../api/types";
import { IconButton } from "../ui/Button";
import { classes } from "../ui/classes";
import { ErrorCard } from "../ui/ErrorCard";
import { formatNumber } from "../ui/format";
import { Select } from "../ui/Select";
import { SkeletonRows } from "../ui/Skeleton";
import styles from "./FacetPanel.module.css";
import { type Filter, isGroup, narrow, remove } from "./filterGroups";
import { type Condition, conditionFor, isSameCondition, textOf } from "./filterModel";
import { type RowsQuery, useFacet } from "./queries";

const VALUES_SHOWN = 20;

interface FacetPanelProps {
  query: RowsQuery;
  columns: readonly TableColumn[];
  shown: readonly string[];
  filter: Filter;
  onShow: (columns: string[]) => void;
  onFilter: (filter: Filter) => void;
}

/** The values of chosen columns among the rows on screen. A click on a bar keeps only its rows, another lets them go. */
export function FacetPanel({ query, columns, shown, filter, onShow, onFilter }: FacetPanelProps) {
  const rest = columns.filter(({ name, type }) => type !== "media" && !shown.includes(name));
  return (
    <aside className={styles.panel} aria-label="Values of columns">
      <header className={styles.header}>
        <h2>Values</h2>
        <IconButton icon="x" label="Close the values" onClick={() => onShow([])} />
      </header>
      {shown.map((name) => {
        const column = columns.find((each) => each.name === name);
        if (column === undefined) return null;
        return (
          <Facet
            key={name}
            query={query}
            column={column}
            filter={filter}
            onFilter={onFilter}
            onClose={() => onShow(shown.filter((each) => each !== name))}
          />
        );
      })}
      {rest.length > 0 && (
        <div className={styles.more}>
          <Select
            label="Also show"
            value=""
            choices={[
              { value: "", label: "choose a column" },
              ...rest.map(({ name }) => ({ value: name, label: name })),
            ]}
            onChoose={(name) => name !== "" && onShow([...shown, name])}
          />
        </div>
      )}
    </aside>
  );
}

interface FacetProps {
  query: RowsQuery;
  column: TableColumn;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  onClose: () => void;
}

function Facet({ query, column, filter, onFilter, onClose }: FacetProps) {
  const { ref, where = null, search = null } = query;
  const facet = useFacet({ ref, where, search, column: column.name, limit: VALUES_SHOWN });
  const placeOf = (condition: Condition) =>
    filter.clauses.findIndex((each) => !isGroup(each) && isSameCondition(each, condition));
  const toggle = (condition: Condition) => {
    const clause = placeOf(condition);
    onFilter(clause < 0 ? narrow(filter, [condition]) : remove(filter, { clause, part: null }));
  };
  const isOn = (condition: Condition | null) => condition !== null && placeOf(condition) >= 0;
  const rows = facet.data === undefined ? [] : listBars(column, facet.data.kind, facet.data.items);
  const most = Math.max(1, ...rows.map((row) => row.count));
  const nullCondition: Condition = { column: column.name, op: "is null", value: null };
  const bars =
    facet.data !== undefined && facet.data.null_count > 0
      ? [...rows, { label: "null", count: facet.data.null_count, condition: nullCondition }]
      : rows;
  return (
    <section className={styles.facet} aria-label={`Values of ${column.name}`}>
      <header>
        <h3>{column.name}</h3>
        <IconButton icon="x" label={`Close the values of ${column.name}`} onClick={onClose} />
      </header>
      {facet.isPending && <SkeletonRows count={5} rowHeight={24} label="Counting" />}
      {facet.isError && (
        <ErrorCard
          error={facet.error}
          title="The values could not be counted"
          onRetry={facet.refetch}
        />
      )}
      {facet.isSuccess && bars.length === 0 && <p className={styles.none}>No values.</p>}
      <ul data-stale={facet.isPlaceholderData || undefined}>
        {bars.map(({ label, count, condition }) => (
          <li key={label}>
            <button
              type="button"
              className={classes(styles.bar, isOn(condition) && styles.on)}
              aria-pressed={isOn(condition)}
              disabled={condition === null}
              title={label}
              onClick={() => condition !== null && toggle(condition)}
            >
              <span
                className={styles.fill}
                style={{ width: `${Math.min(100, (100 * count) / most)}%` }}
              />
              <span className={styles.label}>{label}</span>
              <span className={styles.count}>{count.toLocaleString("en-US")}</span>
            </button>
          </li>
        ))}
      </ul>
      {facet.data !== undefined && facet.data.other_count > 0 && (
        <p className={styles.none}>
          {facet.data.other_count.toLocaleString("en-US")} rows with{" "}
          {facet.data.kind === "histogram" ? "NaN or an infinity" : "other values"}
        </p>
      )}
    </section>
  );
}

interface Bar {
  label: string;
  count: number;
  /** null where no filter can say it. */
  condition: Condition | null;
}

function listBars(column: TableColumn, kind: string, items: readonly FacetItem[]): Bar[] {
  const { name, type } = column;
  return items.map(({ value, count }, index) => {
    if (kind === "histogram" && Array.isArray(value)) {
      const [low, high] = [Number(value[0]), Number(value[1])];
      const isLast = index === items.length - 1;
      return {
        label: `${formatNumber(low)} … ${formatNumber(high)}`,
        count,
        // The last bin holds its upper edge too.
        condition: isLast
          ? { column: name, op: ">=", value: low }
          : { column: name, op: "between", value: [low, high] },
      };
    }
    return { label: describe(value), count, condition: conditionFor(name, type, value) };
  });
}

function describe(value: JsonValue): string {
  if (value === "") return "empty text";
  return typeof value === "number" ? formatNumber(value) : textOf(value);
}

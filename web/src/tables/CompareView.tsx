import { lazy, Suspense, useCallback, useState } from "react";
import type { JoinedRow, JoinedTable, JsonValue, TableColumn, TableSort } from "../api/types";
import type { ShownMedia } from "../media/items";
import { classes } from "../ui/classes";
import { EmptyState } from "../ui/EmptyState";
import { ErrorCard } from "../ui/ErrorCard";
import { formatExact } from "../ui/format";
import { Select } from "../ui/Select";
import { SkeletonRows } from "../ui/Skeleton";
import { Cell } from "./Cell";
import styles from "./CompareView.module.css";
import {
  type CompareState,
  guessCompared,
  guessKey,
  isLowerBetter,
  listShared,
  NO_COMPARISON,
  OUTCOMES,
  type Outcome,
} from "./compareState";
import { Grid, type GridColumn } from "./Grid";
import { type JoinQuestion, PAGE_ROWS, type Pages, useJoin, useSchema, useStable } from "./queries";
import { describeRef } from "./refs";
import { widthOf } from "./tableView";

const PictureDialog = lazy(() => import("../media/PictureDialog"));

interface CompareViewProps {
  left: string;
  state: CompareState;
  onChange: (patch: Partial<CompareState>) => void;
}

/** Rows of two tables that belong together, beside each other. */
export default function CompareView({ left, state, onChange }: CompareViewProps) {
  const [first, second] = [useSchema(left), useSchema(state.vs)];
  const failed = [first, second].find((schema) => schema.isError);
  if (failed !== undefined) {
    const which = failed === first ? "first" : "second";
    return (
      <ErrorCard
        error={failed.error}
        title={`The ${which} table could not be read`}
        onRetry={() => void failed.refetch()}
      />
    );
  }
  if (first.data === undefined || second.data === undefined) {
    return <SkeletonRows count={12} label="Preparing the tables" />;
  }
  const shared = listShared(first.data.columns, second.data.columns);
  if (shared.length === 0) {
    return (
      <EmptyState
        icon="compare"
        title="These tables have no column in common"
        text="Rows belong together by equal values of a column that both tables have."
      />
    );
  }
  return <Comparison {...{ left, state, onChange, shared }} />;
}

const ROW_PX = 40;
const HEADER_PX = 52;
const FIRST = { first: 0, last: 0 };

function Comparison({
  left,
  state,
  onChange,
  shared,
}: CompareViewProps & { shared: readonly TableColumn[] }) {
  const names = new Set(shared.map(({ name }) => name));
  const known = state.on.filter((name) => names.has(name));
  const guess = guessKey(shared);
  const on = known.length > 0 ? known : guess === null ? [] : [guess];
  const compare =
    state.by === NO_COMPARISON ? null : names.has(state.by) ? state.by : guessCompared(shared, on);
  const [sort, setSort] = useState<TableSort[]>([]);
  const question = useStable<JoinQuestion>({
    left,
    right: state.vs,
    on,
    compare,
    higher_is_better: !state.low,
    where: state.out === "" ? null : { column: "outcome", op: "=", value: state.out },
    sort,
  });
  const [range, setRange] = useState(FIRST);
  const onRange = useCallback((first: number, last: number) => setRange({ first, last }), []);
  const pages = useJoin(question, range);
  const [enlarged, setEnlarged] = useState<ShownMedia | null>(null);
  const rest = shared.filter(({ name }) => !on.includes(name) && name !== compare);
  const compared = shared.filter(({ name }) => name === compare);

  return (
    <section className={styles.view} aria-label="Comparison">
      <div className={styles.bar}>
        <Select
          label="Rows belong together by"
          value={on[0] ?? ""}
          choices={shared
            .filter(({ type }) => type !== "media")
            .map(({ name }) => ({ value: name, label: name }))}
          onChoose={(name) => onChange({ on: [name, ...on.slice(1).filter((n) => n !== name)] })}
        />
        <Select
          label="and"
          value={on[1] ?? ""}
          choices={[
            { value: "", label: "nothing else" },
            ...shared
              .filter(({ name, type }) => type !== "media" && name !== on[0])
              .map(({ name }) => ({ value: name, label: name })),
          ]}
          onChoose={(name) => onChange({ on: [...on.slice(0, 1), ...(name === "" ? [] : [name])] })}
        />
        <Select
          label="Compare"
          value={compare ?? NO_COMPARISON}
          choices={[
            { value: NO_COMPARISON, label: "nothing" },
            ...shared
              .filter(({ name, type }) => !on.includes(name) && type !== "media")
              .map(({ name }) => ({ value: name, label: name })),
          ]}
          onChoose={(by) => onChange({ by, low: isLowerBetter(by), out: "" })}
        />
        {compare !== null && (
          <Select
            label="Better is"
            value={state.low ? "low" : "high"}
            choices={[
              { value: "high", label: "higher" },
              { value: "low", label: "lower" },
            ]}
            onChoose={(which) => onChange({ low: which === "low" })}
          />
        )}
      </div>
      <p className={styles.sides}>
        <span data-side="left">A {describeRef(left)}</span>
        <span data-side="right">B {describeRef(state.vs)}</span>
      </p>
      {pages.any !== undefined && (
        <Chips joined={pages.any} chosen={state.out} onChoose={(out) => onChange({ out })} />
      )}
      {pages.any?.warnings.map((warning) => (
        <p key={warning} className={styles.warning}>
          {warning}
        </p>
      ))}
      {pages.error !== null ? (
        <ErrorCard
          error={pages.error}
          title="The tables could not be compared"
          onRetry={pages.refetch}
        />
      ) : pages.any === undefined ? (
        <SkeletonRows count={12} label="Comparing the tables" />
      ) : pages.any.total === 0 ? (
        <EmptyState icon="compare" title="No rows turned out so" />
      ) : (
        <PairGrid
          {...{ pages, on, compare, sort, shared, onRange }}
          total={pages.any.total}
          columns={[...compared, ...rest]}
          onSort={setSort}
          onEnlarge={setEnlarged}
        />
      )}
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

const LABELS: Record<Outcome, string> = {
  win: "A is better",
  lose: "B is better",
  tie: "same",
  differs: "different",
  incomparable: "not comparable",
  left_only: "only in A",
  right_only: "only in B",
};

interface ChipsProps {
  joined: JoinedTable;
  chosen: Outcome | "";
  onChoose: (outcome: Outcome | "") => void;
}

function Chips({ joined, chosen, onChoose }: ChipsProps) {
  const all = OUTCOMES.reduce((sum, outcome) => sum + joined[outcome], 0);
  return (
    <div className={styles.chips} role="toolbar" aria-label="How rows turned out">
      <button type="button" aria-pressed={chosen === ""} onClick={() => onChoose("")}>
        all <b>{all.toLocaleString("en-US")}</b>
      </button>
      {OUTCOMES.filter((outcome) => joined[outcome] > 0 || outcome === chosen).map((outcome) => (
        <button
          key={outcome}
          type="button"
          data-outcome={outcome}
          aria-pressed={chosen === outcome}
          onClick={() => onChoose(chosen === outcome ? "" : outcome)}
        >
          {LABELS[outcome]} <b>{joined[outcome].toLocaleString("en-US")}</b>
        </button>
      ))}
    </div>
  );
}

interface PairGridProps {
  pages: Pages<JoinedTable>;
  total: number;
  on: readonly string[];
  compare: string | null;
  sort: readonly TableSort[];
  shared: readonly TableColumn[];
  /** Beside the keys, each with both sides. */
  columns: readonly TableColumn[];
  onSort: (sort: TableSort[]) => void;
  onRange: (first: number, last: number) => void;
  onEnlarge: (item: ShownMedia) => void;
}

type Part =
  | { kind: "key"; column: TableColumn }
  | { kind: "outcome" }
  | { kind: "difference" }
  | { kind: "left" | "right"; column: TableColumn };

function PairGrid({ pages, total, on, compare, sort, shared, columns, ...rest }: PairGridProps) {
  const { onSort, onRange, onEnlarge } = rest;
  const byName = new Map(shared.map((column) => [column.name, column]));
  const isNumeric = compare !== null && byName.get(compare)?.type === "number";
  const parts: Part[] = [
    ...on.flatMap((name) => {
      const column = byName.get(name);
      return column === undefined ? [] : [{ kind: "key" as const, column }];
    }),
    { kind: "outcome" },
    ...(isNumeric ? [{ kind: "difference" as const }] : []),
    ...columns.flatMap((column) => [
      { kind: "left" as const, column },
      { kind: "right" as const, column },
    ]),
  ];
  const { left_columns: lefts = [], right_columns: rights = [] } = pages.any ?? {};
  const placeOf = {
    left: new Map(lefts.map(({ name }, place) => [name, place])),
    right: new Map(rights.map(({ name }, place) => [name, place])),
  };
  const cellOf = (row: JoinedRow, side: "left" | "right", name: string): JsonValue | undefined => {
    const place = placeOf[side].get(name);
    return place === undefined ? undefined : row[side]?.[place];
  };
  const gridColumns = parts.map((part): GridColumn => {
    const name = sortNameOf(part);
    const own = sort.find((each) => each.column === name);
    return {
      id: name,
      width:
        part.kind === "outcome"
          ? 130
          : "column" in part
            ? Math.min(240, widthOf(part.column, part.column))
            : 110,
      isNumber: part.kind === "difference" || ("column" in part && part.column.type === "number"),
      sort: own === undefined ? undefined : own.desc === true ? "descending" : "ascending",
      header: (
        <button
          type="button"
          className={styles.head}
          data-side={part.kind}
          onClick={() =>
            onSort(own?.desc === true ? [] : [{ column: name, desc: own !== undefined }])
          }
        >
          <span className={styles.side}>{titleOf(part)[0]}</span>
          <span className={styles.name}>
            {titleOf(part)[1]} {own === undefined ? "" : own.desc === true ? "↓" : "↑"}
          </span>
        </button>
      ),
    };
  });
  const rowAt = (row: number) => pages.pageOf(row)?.rows[row % PAGE_ROWS];
  return (
    <Grid
      label="Rows beside each other"
      columns={gridColumns}
      rowCount={total}
      rowHeight={ROW_PX}
      headerHeight={HEADER_PX}
      onRange={onRange}
      numberOf={(row) => rowAt(row) && row + 1}
      toneOf={(row) => rowAt(row)?.outcome}
      cell={(row, index) => {
        const [pair, part] = [rowAt(row), parts[index]];
        if (pair === undefined || part === undefined) return undefined;
        if (part.kind === "outcome") return <OutcomeMark outcome={pair.outcome} />;
        if (part.kind === "difference") {
          return (
            <Difference
              left={cellOf(pair, "left", compare ?? "")}
              right={cellOf(pair, "right", compare ?? "")}
            />
          );
        }
        const { name, type } = part.column;
        const [a, b] = [cellOf(pair, "left", name), cellOf(pair, "right", name)];
        const value = part.kind === "key" ? (a ?? b ?? null) : part.kind === "left" ? a : b;
        if (value === undefined) return <span className={styles.absent}>–</span>;
        const differs = part.kind !== "key" && a !== undefined && b !== undefined && !isSame(a, b);
        return (
          <span className={classes(styles.value, differs && styles.differs)}>
            <Cell value={value} type={type} onEnlarge={onEnlarge} />
          </span>
        );
      }}
    />
  );
}

/** Addresses of files are signed anew each time; what a file is does not change by that. */
function isSame(a: JsonValue, b: JsonValue): boolean {
  const strip = (key: string, value: unknown) => (key.endsWith("url") ? undefined : value);
  return JSON.stringify(a, strip) === JSON.stringify(b, strip);
}

function sortNameOf(part: Part): string {
  if (part.kind === "key") return part.column.name;
  return "column" in part ? `${part.kind}.${part.column.name}` : part.kind;
}

function titleOf(part: Part): [string, string] {
  switch (part.kind) {
    case "key":
      return ["key", part.column.name];
    case "outcome":
      return ["", "outcome"];
    case "difference":
      return ["A − B", "difference"];
    default:
      return [part.kind === "left" ? "A" : "B", part.column.name];
  }
}

function OutcomeMark({ outcome }: { outcome: string }) {
  const text = LABELS[outcome as Outcome] ?? outcome;
  return (
    <span className={styles.outcome} data-outcome={outcome}>
      {text}
    </span>
  );
}

function Difference({
  left,
  right,
}: {
  left: JsonValue | undefined;
  right: JsonValue | undefined;
}) {
  if (typeof left !== "number" || typeof right !== "number") {
    return <span className={styles.absent}>–</span>;
  }
  const difference = left - right;
  return <span>{(difference > 0 ? "+" : "") + formatExact(difference)}</span>;
}

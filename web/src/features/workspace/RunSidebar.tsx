import type { RunRow } from "~/api/types";
import { countOf, groupDigits } from "~/charts/format";
import type { RunStyle } from "~/core/color";
import type { Highlight } from "~/core/highlight";
import { Button, IconButton } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { SearchInput } from "~/ui/Input";
import { Menu, MenuChoice } from "~/ui/Menu";
import { SkeletonRows } from "~/ui/Skeleton";
import type { useRunList } from "./queries";
import { RunList } from "./RunList";
import styles from "./RunSidebar.module.css";
import { toggleRun } from "./visibility";
import { SHOWN_COUNTS, SORTS, type WorkspaceState } from "./workspaceParams";

interface RunSidebarProps {
  list: ReturnType<typeof useRunList>;
  rows: readonly RunRow[];
  total: number;
  visible: ReadonlySet<string>;
  styleOf: (row: RunRow) => RunStyle;
  highlight: Highlight;
  state: WorkspaceState;
  onChange: (patch: Partial<WorkspaceState>) => void;
}

export function RunSidebar({
  list,
  rows,
  total,
  visible,
  state,
  onChange,
  ...look
}: RunSidebarProps) {
  const names = () => rows.map((row) => row.name);
  const content = () => {
    if (list.isPending)
      return (
        <div className={styles.loading}>
          <SkeletonRows count={10} rowHeight={30} label="Loading runs" />
        </div>
      );
    if (list.isError) {
      return (
        <ErrorCard error={list.error} title="The runs could not be read" onRetry={list.refetch} />
      );
    }
    if (rows.length === 0 && state.runs !== "") {
      return (
        <EmptyState icon="search" title={`No run matches ${state.runs}`}>
          <Button onClick={() => onChange({ runs: "" })}>Clear search</Button>
        </EmptyState>
      );
    }
    return (
      <RunList
        rows={rows}
        total={total}
        visible={visible}
        solo={state.solo}
        onToggle={(name) => onChange(toggleRun(names(), state, name))}
        onSolo={(solo) => onChange({ solo })}
        onEnd={() => {
          if (list.hasNextPage && !list.isFetching) void list.fetchNextPage();
        }}
        {...look}
      />
    );
  };
  const isOverridden = state.hide.length > 0 || state.also.length > 0 || state.solo !== "";
  return (
    <aside className={styles.sidebar} aria-label="Run list">
      <div className={styles.head}>
        <SearchInput
          id="run-search"
          label="Search runs"
          placeholder="Search runs, /regex/"
          value={state.runs}
          onText={(runs) => onChange({ runs })}
        />
        <Menu align="end" trigger={<IconButton icon="chevronsUpDown" label="Sort runs" />}>
          <MenuChoice
            label="Sort"
            value={state.sort}
            choices={SORTS}
            onChoose={(sort) => onChange({ sort })}
          />
        </Menu>
      </div>
      <div className={styles.body}>{content()}</div>
      <div className={styles.foot}>
        <span role="status">
          {list.isSuccess && `${groupDigits(visible.size)} of ${countOf(total, "run")} shown`}
        </span>
        {isOverridden && (
          <Button look="ghost" onClick={() => onChange({ hide: [], also: [], solo: "" })}>
            Reset
          </Button>
        )}
        <select
          aria-label="Runs shown"
          value={state.show}
          onChange={(event) =>
            onChange({ show: Number(event.currentTarget.value), hide: [], also: [], solo: "" })
          }
        >
          {listCounts(state.show).map((count) => (
            <option key={count} value={count}>
              {count === 0 ? "none" : `${state.sort === "newest" ? "newest" : "first"} ${count}`}
            </option>
          ))}
        </select>
      </div>
    </aside>
  );
}

/** A link may ask for any number; it then is a choice of its own. */
function listCounts(chosen: number): number[] {
  return [...new Set([...SHOWN_COUNTS, chosen])].sort((a, b) => a - b);
}

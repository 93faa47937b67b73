import { useId, useMemo } from "react";
import type { MediaKey } from "../api/types";
import type { PanelRun } from "../charts/lineModel";
import { useBoardWidth } from "../charts/useBoardWidth";
import { useNearViewport } from "../charts/useNearViewport";
import { Button } from "../ui/Button";
import { ErrorCard } from "../ui/ErrorCard";
import { Icon } from "../ui/Icon";
import { type CustomChart, isDrawn } from "./customCharts";
import styles from "./MediaBoard.module.css";
import { MediaPanel } from "./MediaPanel";
import { useCustomCharts, useMediaKeys } from "./queries";

export const MEDIA_SECTION = "Media";
const CHART_SECTION = "Custom charts";
/** That one question may name. Panels show them page by page. */
const RUNS_MAX = 200;

export interface MediaBoardProps {
  entity: string;
  project: string;
  runs: readonly PanelRun[];
  /** Increase it when the server said that something changed. */
  revision: number;
  /** Substring or /regex/ of keys. */
  search: string;
  /** Names of collapsed sections. */
  collapsed: readonly string[];
  onCollapse: (names: readonly string[]) => void;
}

/** Sections with a panel for each key that holds media or a chart made of a table. Nothing is shown while there is none. */
export default function MediaBoard(props: MediaBoardProps) {
  const { entity, project, runs, revision, search, collapsed, onCollapse } = props;
  const place = useMemo(() => ({ entity, project }), [entity, project]);
  const shownRuns = useMemo(() => runs.slice(0, RUNS_MAX), [runs]);
  const names = useMemo(() => shownRuns.map((run) => run.name), [shownRuns]);
  const keys = useMediaKeys(place, names, revision);
  const found = useMemo(
    () => (keys.data?.pages.flatMap((page) => page.items) ?? []).filter(matcherOf(search)),
    [keys.data, search],
  );
  const charts = useCustomCharts(
    place,
    names,
    found.some(({ kind }) => kind === "table"),
  );
  const [setElement, { columns }] = useBoardWidth();
  const isChart = ({ key, kind }: MediaKey) => {
    const chart = charts.data?.get(key);
    return kind === "table" && chart !== undefined && isDrawn(chart);
  };
  // Until it is known which tables are charts, none has a place.
  const listed = charts.isLoading ? found.filter(({ kind }) => kind !== "table") : found;
  const sections = [
    { name: MEDIA_SECTION, items: sortByKind(listed.filter((item) => !isChart(item))) },
    { name: CHART_SECTION, items: listed.filter(isChart) },
  ].filter(({ items }) => items.length > 0);
  const toggle = (name: string) =>
    onCollapse(
      collapsed.includes(name) ? collapsed.filter((other) => other !== name) : [...collapsed, name],
    );

  if (runs.length === 0) return null;
  if (keys.isError && keys.data === undefined) {
    return (
      <ErrorCard error={keys.error} title="The media could not be listed" onRetry={keys.refetch} />
    );
  }
  return (
    <div ref={setElement} className={styles.board}>
      {sections.map(({ name, items }) => (
        <Section
          key={name}
          {...{ name, items, columns, place, revision }}
          runs={shownRuns}
          charts={charts.data ?? null}
          isOpen={!collapsed.includes(name)}
          onToggle={() => toggle(name)}
        />
      ))}
      {sections.length > 0 && runs.length > shownRuns.length && (
        <p className={styles.note}>
          Media of the first {RUNS_MAX} of {runs.length.toLocaleString("en-US")} shown runs.
        </p>
      )}
      {keys.hasNextPage && (
        <Button isBusy={keys.isFetchingNextPage} onClick={() => keys.fetchNextPage()}>
          Show more media
        </Button>
      )}
    </div>
  );
}

interface SectionProps {
  name: string;
  items: readonly MediaKey[];
  columns: number;
  place: { entity: string; project: string };
  runs: readonly PanelRun[];
  revision: number;
  charts: ReadonlyMap<string, CustomChart> | null;
  isOpen: boolean;
  onToggle: () => void;
}

function Section({ name, items, columns, isOpen, onToggle, charts, ...rest }: SectionProps) {
  const id = useId();
  // Several runs stand beside each other in a panel: fewer and wider ones.
  const count = rest.runs.length > 1 ? Math.ceil(columns / 2) : columns;
  return (
    <section aria-labelledby={id}>
      <h2 className={styles.head}>
        <button id={id} type="button" aria-expanded={isOpen} onClick={onToggle}>
          <Icon name={isOpen ? "chevronDown" : "chevronRight"} size={12} />
          <span>{name}</span> <span className={styles.count}>{items.length}</span>
        </button>
      </h2>
      {isOpen && (
        <div
          className={styles.grid}
          style={{ gridTemplateColumns: `repeat(${count}, minmax(0, 1fr))` }}
        >
          {items.map((item) => (
            <Slot key={item.key} item={item} chart={charts?.get(item.key) ?? null} {...rest} />
          ))}
        </div>
      )}
    </section>
  );
}

type SlotProps = Pick<SectionProps, "place" | "runs" | "revision"> & {
  item: MediaKey;
  chart: CustomChart | null;
};

/** Keeps the panel's place; the panel itself exists, and asks, only near the viewport. */
function Slot({ item, chart, ...rest }: SlotProps) {
  const [setElement, isNear] = useNearViewport();
  return (
    <div
      ref={setElement}
      className={styles.slot}
      data-wide={(item.kind === "table" && chart === null) || undefined}
    >
      {isNear && <MediaPanel mediaKey={item} chart={chart} {...rest} />}
    </div>
  );
}

/** What people look at most comes first. */
const KINDS_FIRST: readonly MediaKey["kind"][] = ["image", "video", "audio", "table", "html"];

function sortByKind(items: readonly MediaKey[]): MediaKey[] {
  const rank = ({ kind }: MediaKey) => {
    const place = KINDS_FIRST.indexOf(kind);
    return place < 0 ? KINDS_FIRST.length : place;
  };
  return [...items].sort((a, b) => rank(a) - rank(b));
}

function matcherOf(search: string): (item: MediaKey) => boolean {
  if (search === "") return () => true;
  const pattern = /^\/(.*)\/i?$/.exec(search)?.[1];
  try {
    if (pattern !== undefined) {
      const regex = new RegExp(pattern, "i");
      return ({ key }) => regex.test(key);
    }
  } catch {
    // Half of an expression, as while it is being typed, is searched as it stands.
  }
  const text = search.toLowerCase();
  return ({ key }) => key.toLowerCase().includes(text);
}

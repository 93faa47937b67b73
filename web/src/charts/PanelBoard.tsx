import { lazy, type ReactNode, Suspense, useEffect, useId, useMemo, useRef, useState } from "react";
import { FrameStore } from "~/core/frameStore";
import { Highlight } from "~/core/highlight";
import { SeriesLoader, type SeriesStream } from "~/core/seriesLoader";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { BoardSection, LoadedPanel } from "./BoardSection";
import { BoardSkeleton, NoPoints, OtherKeys } from "./BoardStates";
import { type Board, BoardContext } from "./boardContext";
import { countOf } from "./format";
import type { ChartAxis } from "./LinePanel";
import type { PanelRun } from "./lineModel";
import styles from "./PanelBoard.module.css";
import { makeSeriesRequest, useMetricKeys } from "./panelQueries";
import type { Range } from "./scales";
import { groupKeys, pickByCoverage } from "./sections";
import { useBoardWidth } from "./useBoardWidth";

// With its dialog only once a panel is enlarged: the page is at the limit of what a first visit loads.
const PanelDialog = lazy(() => import("./PanelDialog"));

export interface PanelBoardProps {
  entity: string;
  project: string;
  /** Drawn in this order, the first on top. Keep the array identical while nothing changes. */
  runs: readonly PanelRun[];
  stream: SeriesStream;
  /** Substring or /regex/ of metric keys. */
  search?: string;
  axis?: ChartAxis;
  /** 0…0.999 */
  smoothing?: number;
  isLog?: boolean;
  /** Shows minimum and maximum of each bucket where the server sends them. */
  hasBand?: boolean;
  /** Zoomed x range, shared by all panels; leave out both to let the board keep it. */
  range?: Range | null;
  onRange?: (range: Range | null) => void;
  /** Names of collapsed sections; leave out both to let the board keep them. */
  collapsed?: readonly string[];
  onCollapse?: (names: readonly string[]) => void;
  /** Shared with a run list; leave out for a board that stands alone. */
  highlight?: Highlight;
  /** Increase it when the server said that something changed; data on screen is then read again. */
  revision?: number;
  /** Shown instead of the board while there are no keys at all. */
  empty?: ReactNode;
  onClearSearch?: () => void;
}

const STEP_AXIS: ChartAxis = { axis: "step" };
const NOTHING: readonly string[] = [];
/** Panels added at once. */
const SHOWN_STEP = 60;
/** The catalogue of keys is read again at most this often while data comes in. */
const KEYS_INTERVAL_MS = 5_000;
const KEYS_FIRST_INTERVAL_MS = 1_000;

/** One live line panel per metric, in sections by prefix. Only panels near the viewport exist and are queried. */
export function PanelBoard(props: PanelBoardProps) {
  const { entity, project, stream } = props;
  return <ProjectBoard key={`${entity}/${project}/${stream}`} {...props} />;
}

function ProjectBoard(props: PanelBoardProps) {
  const { entity, project, stream, runs, search = "", revision = 0 } = props;
  const { axis = STEP_AXIS, smoothing = 0, isLog = false, hasBand = true } = props;
  const [ownRange, setOwnRange] = useState<Range | null>(null);
  const [ownCollapsed, setOwnCollapsed] = useState(NOTHING);
  const range = props.range === undefined ? ownRange : props.range;
  const setRange = props.onRange ?? setOwnRange;
  const collapsed = props.collapsed ?? ownCollapsed;
  const setCollapsed = props.onCollapse ?? setOwnCollapsed;
  const [enlarged, setEnlarged] = useState<string | null>(null);
  const [ownHighlight] = useState(() => new Highlight());
  const highlight = props.highlight ?? ownHighlight;
  const syncKey = useId();
  const [{ store, loader }] = useState(() => {
    const frames = new FrameStore();
    return { store: frames, loader: new SeriesLoader(frames, makeSeriesRequest(entity, project)) };
  });
  const names = useMemo(() => runs.map((run) => run.name), [runs]);
  const { axis: axisKind, key: axisKey } = axis;

  useEffect(() => {
    const x = axisKey === undefined ? { axis: axisKind } : { axis: axisKind, key: axisKey };
    loader.setView({ runs: names, stream, x, range, y: isLog ? "log" : "linear" });
  }, [loader, names, stream, axisKind, axisKey, range, isLog]);
  useEffect(() => () => loader.dispose(), [loader]);
  useEffect(() => {
    if (revision > 0) loader.refresh();
  }, [loader, revision]);

  const keys = useMetricKeys({ entity, project, stream, search, runs: names });
  const loaded = useMemo(() => keys.data?.pages.flatMap((page) => page.items) ?? [], [keys.data]);
  const [shownCount, setShownCount] = useState(SHOWN_STEP);
  const { sections, notNumeric, internal } = useMemo(
    () => groupKeys(pickByCoverage(loaded, shownCount), stream),
    [loaded, shownCount, stream],
  );
  const hasPanels = sections.length > 0;
  useRefetchKeys(keys.refetch, revision, hasPanels ? KEYS_INTERVAL_MS : KEYS_FIRST_INTERVAL_MS);

  const [setBoardElement, boardWidth] = useBoardWidth();
  const { columns, panelWidth } = boardWidth;
  const board = useMemo<Board>(
    () => ({
      store,
      loader,
      highlight,
      syncKey,
      runs,
      stream,
      axis,
      smoothing,
      isLog,
      hasBand,
      range,
      onZoom: setRange,
      panelWidth,
      onEnlarge: setEnlarged,
    }),
    [
      store,
      loader,
      highlight,
      syncKey,
      runs,
      stream,
      axis,
      smoothing,
      isLog,
      hasBand,
      range,
      setRange,
      panelWidth,
    ],
  );

  const total = keys.data?.pages[0]?.total ?? loaded.length;
  const missing = Math.max(0, total - shownCount);
  const showMore = () => {
    setShownCount(shownCount + SHOWN_STEP);
    if (shownCount + SHOWN_STEP > loaded.length && keys.hasNextPage) void keys.fetchNextPage();
  };
  const content = () => {
    if (runs.length === 0) {
      return <EmptyState icon="chart" title="No run is shown" text="Switch one on in the list." />;
    }
    if (keys.isPending) return <BoardSkeleton />;
    if (keys.isError) {
      return (
        <ErrorCard
          error={keys.error}
          title="The metrics could not be read"
          onRetry={keys.refetch}
        />
      );
    }
    if (loaded.length === 0 && search !== "") {
      return (
        <EmptyState icon="search" title={`No metric matches ${search}`}>
          {props.onClearSearch !== undefined && (
            <Button onClick={props.onClearSearch}>Clear search</Button>
          )}
        </EmptyState>
      );
    }
    if (!hasPanels && notNumeric.length === 0) return props.empty ?? <NoPoints />;
    return sections.map((section) => (
      <BoardSection
        key={section.name}
        section={section}
        columns={columns}
        isOpen={!collapsed.includes(section.name)}
        onToggle={() =>
          setCollapsed(
            collapsed.includes(section.name)
              ? collapsed.filter((name) => name !== section.name)
              : [...collapsed, section.name],
          )
        }
      />
    ));
  };

  return (
    <BoardContext value={board}>
      <div ref={setBoardElement} className={styles.board}>
        {panelWidth > 0 && content()}
        {missing > 0 && (
          <div className={styles.more}>
            <Button isBusy={keys.isFetchingNextPage} onClick={showMore}>
              Show {Math.min(SHOWN_STEP, missing)} more
            </Button>
            <span>{countOf(missing, "metric")} not shown yet</span>
          </div>
        )}
        <OtherKeys title="Not numeric" items={notNumeric} />
        <OtherKeys title="Kept by the client" items={internal} />
      </div>
      {enlarged !== null && (
        <Suspense>
          <PanelDialog title={enlarged} onClose={() => setEnlarged(null)}>
            {(width, height) => <LoadedPanel metric={enlarged} width={width} height={height} />}
          </PanelDialog>
        </Suspense>
      )}
    </BoardContext>
  );
}

/** Reads the keys again when data came in, at most once per interval; the last change is never missed. */
function useRefetchKeys(refetch: () => unknown, revision: number, intervalMs: number): void {
  const lastMs = useRef(0);
  useEffect(() => {
    if (revision === 0) return;
    const waitMs = Math.max(0, lastMs.current + intervalMs - Date.now());
    const timer = setTimeout(() => {
      lastMs.current = Date.now();
      refetch();
    }, waitMs);
    return () => clearTimeout(timer);
  }, [refetch, revision, intervalMs]);
}

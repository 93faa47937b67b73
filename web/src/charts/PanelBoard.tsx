import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { FrameStore } from "~/core/frameStore";
import { Highlight } from "~/core/highlight";
import { SeriesLoader, type SeriesStream } from "~/core/seriesLoader";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { Icon } from "~/ui/Icon";
import { countOf } from "./format";
import type { ChartAxis } from "./LinePanel";
import { LinePanel } from "./LinePanel";
import type { PanelRun } from "./lineModel";
import styles from "./PanelBoard.module.css";
import { PanelDialog } from "./PanelDialog";
import { KEYS_PAGE, makeSeriesRequest, useMetricKeys } from "./panelQueries";
import type { Range } from "./scales";
import { type BoardSection, groupKeys } from "./sections";
import { useBoardWidth } from "./useBoardWidth";
import { useNearViewport } from "./useNearViewport";

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
const PANEL_PX = 232;
/** The catalogue of keys is read again at most this often while data comes in. */
const KEYS_INTERVAL_MS = 5_000;
const KEYS_FIRST_INTERVAL_MS = 1_000;

interface Board {
  store: FrameStore;
  loader: SeriesLoader;
  highlight: Highlight;
  syncKey: string;
  runs: readonly PanelRun[];
  stream: SeriesStream;
  axis: ChartAxis;
  smoothing: number;
  isLog: boolean;
  hasBand: boolean;
  range: Range | null;
  onZoom: (range: Range | null) => void;
  panelWidth: number;
  onEnlarge: (key: string) => void;
}

const BoardContext = createContext<Board | null>(null);

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
    loader.setView({ runs: names, stream, x, range });
  }, [loader, names, stream, axisKind, axisKey, range]);
  useEffect(() => () => loader.dispose(), [loader]);
  useEffect(() => {
    if (revision > 0) loader.refresh();
  }, [loader, revision]);

  const keys = useMetricKeys({ entity, project, stream, search, runs: names });
  const loaded = useMemo(() => keys.data?.pages.flatMap((page) => page.items) ?? [], [keys.data]);
  const { sections, notNumeric, internal } = useMemo(
    () => groupKeys(loaded, stream),
    [loaded, stream],
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
  const missing = Math.max(0, total - loaded.length);
  const content = () => {
    if (runs.length === 0) {
      return <EmptyState icon="chart" title="No run is shown" text="Switch one on in the list." />;
    }
    if (keys.isPending) return <BoardSkeleton columns={columns} />;
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
      <Section
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
        {keys.hasNextPage && (
          <div className={styles.more}>
            <Button isBusy={keys.isFetchingNextPage} onClick={() => keys.fetchNextPage()}>
              Show {Math.min(KEYS_PAGE, missing || KEYS_PAGE)} more
            </Button>
            <span>{countOf(missing, "metric")} not shown yet</span>
          </div>
        )}
        <OtherKeys title="Not numeric" items={notNumeric} />
        <OtherKeys title="Kept by the client" items={internal} />
      </div>
      {enlarged !== null && (
        <PanelDialog title={enlarged} onClose={() => setEnlarged(null)}>
          {(width, height) => <LoadedPanel metric={enlarged} width={width} height={height} />}
        </PanelDialog>
      )}
    </BoardContext>
  );
}

interface SectionProps {
  section: BoardSection;
  columns: number;
  isOpen: boolean;
  onToggle: () => void;
}

function Section({ section, columns, isOpen, onToggle }: SectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 className={styles.sectionHead}>
        <button id={id} type="button" aria-expanded={isOpen} onClick={onToggle}>
          <Icon name={isOpen ? "chevronDown" : "chevronRight"} size={12} />
          <span>{section.name}</span>
          <span className={styles.count}>{section.keys.length}</span>
        </button>
      </h2>
      {isOpen && (
        <div
          className={styles.grid}
          style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
        >
          {section.keys.map((key) => (
            <PanelSlot key={key} metric={key} />
          ))}
        </div>
      )}
    </section>
  );
}

/** Keeps the panel's place; the panel itself exists only near the viewport. */
function PanelSlot({ metric }: { metric: string }) {
  const [setElement, isNear] = useNearViewport();
  const { panelWidth } = useBoard();
  return (
    <div ref={setElement} className={styles.slot} style={{ height: PANEL_PX }}>
      {isNear && <LoadedPanel metric={metric} width={panelWidth} height={PANEL_PX} canEnlarge />}
    </div>
  );
}

interface LoadedPanelProps {
  metric: string;
  width: number;
  height: number;
  canEnlarge?: boolean;
}

function LoadedPanel({ metric, width, height, canEnlarge = false }: LoadedPanelProps) {
  const { store, loader, onEnlarge, panelWidth, ...board } = useBoard();
  // The large view of a panel is a panel of its own: it wants more buckets.
  const id = canEnlarge ? metric : `large ${metric}`;
  useEffect(() => loader.show({ id, key: metric, px: width }), [loader, id, metric, width]);
  const subscribe = useMemo(() => (listen: () => void) => store.subscribe(id, listen), [store, id]);
  const entry = useSyncExternalStore(subscribe, () => store.get(id));
  const frame = entry?.frame ?? null;
  const isSameAxis =
    frame?.meta.x.axis === board.axis.axis && (frame.meta.x.key ?? undefined) === board.axis.key;
  return (
    <LinePanel
      title={metric}
      // Steps drawn on a time axis would be wrong: a frame of another axis is no frame.
      frame={isSameAxis ? frame : null}
      error={entry?.error ?? null}
      runs={board.runs}
      axis={board.axis}
      smoothing={board.smoothing}
      isLog={board.isLog}
      hasBand={board.hasBand}
      range={board.range}
      width={width}
      height={height}
      syncKey={board.syncKey}
      highlight={board.highlight}
      onZoom={board.onZoom}
      onRetry={() => loader.retry(id)}
      {...(canEnlarge ? { onEnlarge: () => onEnlarge(metric) } : {})}
    />
  );
}

function useBoard(): Board {
  const board = useContext(BoardContext);
  if (board === null) throw new Error("a panel outside a PanelBoard");
  return board;
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

function OtherKeys({ title, items }: { title: string; items: { key: string; kind: string }[] }) {
  if (items.length === 0) return null;
  return (
    <details className={styles.others}>
      <summary>
        {title} <span className={styles.count}>{items.length}</span>
      </summary>
      <ul>
        {items.map((item) => (
          <li key={item.key}>
            <span>{item.key}</span> <span className={styles.kind}>{item.kind}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function NoPoints() {
  return (
    <EmptyState
      icon="chart"
      title="Waiting for the first point"
      text="The chart appears here by itself as soon as the run logs a number."
    />
  );
}

function BoardSkeleton({ columns }: { columns: number }) {
  return (
    <div role="status" aria-label="Loading charts">
      <div className={styles.skeletonHead} />
      <div
        className={styles.grid}
        style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
      >
        {Array.from({ length: columns * 2 }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the blocks are equal and never move
          <div key={index} className={styles.skeleton} style={{ height: PANEL_PX }} />
        ))}
      </div>
    </div>
  );
}

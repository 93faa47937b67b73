import { useEffect, useId, useMemo, useSyncExternalStore } from "react";
import { Icon } from "~/ui/Icon";
import { useBoard } from "./boardContext";
import { LinePanel } from "./LinePanel";
import styles from "./PanelBoard.module.css";
import type { BoardSection as Section } from "./sections";
import { useNearViewport } from "./useNearViewport";

/** Height of every panel, so that a place can be kept for those that do not exist yet. */
const PANEL_PX = 232;

interface SectionProps {
  section: Section;
  columns: number;
  isOpen: boolean;
  onToggle: () => void;
}

/** A collapsed section has no panels, so nothing of it is fetched. */
export function BoardSection({ section, columns, isOpen, onToggle }: SectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 className={styles.sectionHead}>
        <button id={id} type="button" aria-expanded={isOpen} onClick={onToggle}>
          <Icon name={isOpen ? "chevronDown" : "chevronRight"} size={12} />
          <span>{section.name}</span> <span className={styles.count}>{section.keys.length}</span>
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

/** Lines from which on one bucket per pixel is enough: more would be drawn on top of one another. */
const CROWD_LINES = 12;

/** The width to ask for; the server sends two buckets for each pixel of it. */
function getRequestPx(width: number, runCount: number): number {
  const ratio = devicePixelRatio || 1;
  return Math.ceil(width * (runCount > CROWD_LINES ? ratio / 2 : Math.max(1, ratio / 2)));
}

interface LoadedPanelProps {
  metric: string;
  width: number;
  height: number;
  canEnlarge?: boolean;
}

/** A panel that says it is shown and draws what the store has for it. */
export function LoadedPanel({ metric, width, height, canEnlarge = false }: LoadedPanelProps) {
  const { store, loader, onEnlarge, panelWidth, ...board } = useBoard();
  // The large view of a panel is a panel of its own: it wants more buckets.
  const id = canEnlarge ? metric : `large ${metric}`;
  const px = getRequestPx(width, board.runs.length);
  useEffect(() => loader.show({ id, key: metric, px }), [loader, id, metric, px]);
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

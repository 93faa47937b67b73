import {
  type FocusEvent,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { Lineage } from "~/api/types";
import type { Layout } from "~/core/layered";
import { IconButton } from "~/ui/Button";
import styles from "./LineageGraph.module.css";
import { LineageNodeCard } from "./LineageNodeCard";
import { drawRoute, NODE_HEIGHT, NODE_WIDTH, type Step, sumUp, walk } from "./lineageModel";
import { fitView, keepInReach, keepVisible, type View, zoomAt } from "./panZoom";

interface LineageGraphProps {
  lineage: Lineage;
  layout: Layout;
  onExpand: (id: string) => void;
}

const ZOOM_STEP = 1.25;
const WHEEL_PIXELS_PER_E = 400;
const STEPS: readonly string[] = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"];

/**
 * The graph as links and buttons over drawn lines. Dragging and the wheel move it, the wheel with Ctrl or ⌘ zooms, and
 * arrow keys walk along the edges. Moving changes one transform: React draws the nodes once.
 */
export function LineageGraph({ lineage, layout, onExpand }: LineageGraphProps) {
  const { nodes, edges, root } = lineage;
  const { places, routes, width, height } = layout;
  const frame = useRef<HTMLDivElement>(null);
  const scene = useRef<HTMLDivElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  const [focused, setFocused] = useState<string | null>(null);

  const show = useCallback((next: View) => {
    view.current = next;
    const { x, y, scale } = next;
    if (scene.current !== null) {
      scene.current.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    }
  }, []);
  const sizeOfFrame = useCallback(() => {
    const { clientWidth = 0, clientHeight = 0 } = frame.current ?? {};
    return { width: clientWidth, height: clientHeight };
  }, []);
  const showAll = useCallback(() => {
    const at = places.get(root);
    const center = { x: (at?.x ?? 0) + NODE_WIDTH / 2, y: (at?.y ?? 0) + NODE_HEIGHT / 2 };
    show(fitView({ width, height }, sizeOfFrame(), center));
  }, [places, root, width, height, show, sizeOfFrame]);
  useLayoutEffect(showAll, [showAll]);
  const move = useCallback(
    (next: View) => show(keepInReach(next, { width, height }, sizeOfFrame())),
    [show, width, height, sizeOfFrame],
  );
  usePanning(frame, view, move);

  const zoom = (factor: number) => {
    const size = sizeOfFrame();
    move(zoomAt(view.current, { x: size.width / 2, y: size.height / 2 }, factor));
  };
  const focusNode = (id: string) => {
    frame.current
      ?.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`)
      ?.focus({ preventScroll: true });
  };
  const followKey = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const id = (event.target as HTMLElement).dataset.node;
    if (event.key === "+" || event.key === "=") zoom(ZOOM_STEP);
    else if (event.key === "-") zoom(1 / ZOOM_STEP);
    else if (event.key === "0") showAll();
    else if (id !== undefined && STEPS.includes(event.key)) {
      const next = walk(layout, edges, id, event.key as Step);
      if (next !== null) focusNode(next);
    } else return;
    event.preventDefault();
  };
  const followFocus = (event: FocusEvent) => {
    const id = (event.target as HTMLElement).dataset.node;
    setFocused(id ?? null);
    const place = id === undefined ? undefined : places.get(id);
    if (place === undefined) return;
    // The browser may have scrolled the frame to the node; it is moved by the transform alone.
    if (frame.current !== null) {
      frame.current.scrollLeft = 0;
      frame.current.scrollTop = 0;
    }
    show(keepVisible(view.current, place, sizeOfFrame()));
  };

  return (
    <div className={styles.graph}>
      {/* biome-ignore lint/a11y/useSemanticElements: a group of links and buttons in a drawing */}
      <div
        ref={frame}
        role="group"
        aria-label={`Lineage, ${sumUp(lineage)}. Arrow keys walk along the connections.`}
        className={styles.frame}
        onKeyDown={followKey}
        onFocus={followFocus}
        onBlur={() => setFocused(null)}
      >
        <div ref={scene} className={styles.scene} style={{ width, height }}>
          <svg className={styles.edges} width={width} height={height} aria-hidden="true">
            <defs>
              <marker
                id="lineage-arrow"
                viewBox="0 0 6 6"
                refX="6"
                refY="3"
                markerWidth="6"
                markerHeight="6"
                orient="auto"
              >
                <path d="M0 0 6 3 0 6z" className={styles.arrow} />
              </marker>
            </defs>
            {edges.map((edge, index) => (
              <path
                key={`${edge.from} ${edge.to} ${edge.kind}`}
                d={drawRoute(routes[index] ?? [])}
                data-kind={edge.kind}
                data-lit={edge.from === focused || edge.to === focused || undefined}
                markerEnd="url(#lineage-arrow)"
              />
            ))}
          </svg>
          {nodes.map((node) => (
            <LineageNodeCard
              key={node.id}
              node={node}
              place={places.get(node.id) ?? { x: 0, y: 0 }}
              isRoot={node.id === root}
              onExpand={onExpand}
            />
          ))}
        </div>
      </div>
      <div className={styles.tools}>
        <IconButton icon="plus" label="Zoom in" onClick={() => zoom(ZOOM_STEP)} />
        <IconButton icon="minus" label="Zoom out" onClick={() => zoom(1 / ZOOM_STEP)} />
        <IconButton icon="fit" label="Fit into view" onClick={showAll} />
      </div>
      <Legend />
    </div>
  );
}

function Legend() {
  return (
    <ul className={styles.legend} aria-label="Legend">
      <li data-kind="artifact">version</li>
      <li data-kind="run">run</li>
      <li data-kind="stack">stack</li>
    </ul>
  );
}

/** Dragging moves, the wheel moves, and zooms with a modifier. React's wheel listeners may not prevent scrolling. */
function usePanning(
  frame: React.RefObject<HTMLDivElement | null>,
  view: React.RefObject<View>,
  show: (next: View) => void,
): void {
  useEffect(() => {
    const box = frame.current;
    if (box === null) return;
    let grip: { id: number; x: number; y: number } | null = null;
    const start = (event: PointerEvent) => {
      if (event.button !== 0 || (event.target as Element).closest("a, button") !== null) return;
      grip = { id: event.pointerId, x: event.clientX, y: event.clientY };
      box.setPointerCapture(event.pointerId);
      box.dataset.isDragged = "";
    };
    const move = (event: PointerEvent) => {
      if (grip === null || event.pointerId !== grip.id) return;
      const { x, y, scale } = view.current;
      show({ x: x + event.clientX - grip.x, y: y + event.clientY - grip.y, scale });
      grip = { id: grip.id, x: event.clientX, y: event.clientY };
    };
    const end = () => {
      grip = null;
      delete box.dataset.isDragged;
    };
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { x, y, scale } = view.current;
      if (event.ctrlKey || event.metaKey) {
        const { left, top } = box.getBoundingClientRect();
        const at = { x: event.clientX - left, y: event.clientY - top };
        show(zoomAt(view.current, at, Math.exp(-event.deltaY / WHEEL_PIXELS_PER_E)));
      } else show({ x: x - event.deltaX, y: y - event.deltaY, scale });
    };
    box.addEventListener("pointerdown", start);
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerup", end);
    box.addEventListener("pointercancel", end);
    box.addEventListener("wheel", wheel, { passive: false });
    return () => {
      box.removeEventListener("pointerdown", start);
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerup", end);
      box.removeEventListener("pointercancel", end);
      box.removeEventListener("wheel", wheel);
    };
  }, [frame, view, show]);
}

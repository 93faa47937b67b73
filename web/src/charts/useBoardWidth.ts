import { useCallback, useRef, useState } from "react";

const PANEL_MIN_PX = 340;
const COLUMNS_MAX = 6;
const GAP_PX = 12;
const PADDING_PX = 24;
/** Width assumed where nothing is laid out, as in tests. */
const FALLBACK_PX = 1_024;

interface BoardWidth {
  columns: number;
  /** 0 until the board was measured. */
  panelWidth: number;
}

export function getPanelWidth(boardPx: number): BoardWidth {
  const inner = Math.max(0, boardPx - PADDING_PX);
  const fitting = Math.floor((inner + GAP_PX) / (PANEL_MIN_PX + GAP_PX));
  const columns = Math.min(COLUMNS_MAX, Math.max(1, fitting));
  return { columns, panelWidth: Math.floor((inner - GAP_PX * (columns - 1)) / columns) };
}

/** One measurement for the whole board: all its panels are equally wide, so none measures itself. */
export function useBoardWidth(): [(element: HTMLElement | null) => void, BoardWidth] {
  const [width, setWidth] = useState<BoardWidth>({ columns: 1, panelWidth: 0 });
  const observer = useRef<ResizeObserver | null>(null);
  const setElement = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (element === null) return;
    const take = (px: number) =>
      setWidth((old) => {
        const next = getPanelWidth(px || FALLBACK_PX);
        return next.panelWidth === old.panelWidth && next.columns === old.columns ? old : next;
      });
    take(element.clientWidth);
    if (typeof ResizeObserver === "undefined") return;
    observer.current = new ResizeObserver(([entry]) => {
      if (entry !== undefined) take(entry.target.clientWidth);
    });
    observer.current.observe(element);
  }, []);
  return [setElement, width];
}

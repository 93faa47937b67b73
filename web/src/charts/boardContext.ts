import { createContext, useContext } from "react";
import type { FrameStore } from "~/core/frameStore";
import type { Highlight } from "~/core/highlight";
import type { SeriesLoader, SeriesStream } from "~/core/seriesLoader";
import type { ChartAxis } from "./LinePanel";
import type { PanelRun } from "./lineModel";
import type { Range } from "./scales";

/** What all panels of a board share. */
export interface Board {
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

export const BoardContext = createContext<Board | null>(null);

export function useBoard(): Board {
  const board = useContext(BoardContext);
  if (board === null) throw new Error("a panel outside a PanelBoard");
  return board;
}

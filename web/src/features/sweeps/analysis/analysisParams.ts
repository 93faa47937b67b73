/** What the analysis of a sweep keeps in its address. */

import { choiceParam, namesParam, type Param, switchParam, textParam } from "~/core/urlState";

export const analysisParams = {
  /** Whose importance, and whose slice; empty: what the search goes by. */
  metric: textParam(),
  /** Parameters of the slice; empty: the most important one. */
  x: textParam(),
  y: textParam(),
  ground: choiceParam(["mean", "uncertainty"]),
  /** Metrics of the front; none: those of the configuration. */
  front: namesParam(3),
  color: textParam(),
  /** Whether runs that broke a constraint count. */
  broken: switchParam(false),
};

export type AnalysisView = {
  [K in keyof typeof analysisParams]: (typeof analysisParams)[K] extends Param<infer T> ? T : never;
};

export interface PanelState {
  view: AnalysisView;
  change: (patch: Partial<AnalysisView>) => void;
}

export const comparisonParams = {
  sweep: namesParam(12),
  metric: namesParam(3),
  over: choiceParam(["trials", "hours", "run_hours"]),
};

/** How charts are shown, as parameters of the URL: the same names on every page with a board. */

import {
  choiceParam,
  namesParam,
  numberParam,
  type Param,
  rangeParam,
  switchParam,
  textParam,
} from "~/core/urlState";
import type { ChartAxis } from "./LinePanel";
import type { Range } from "./scales";

export const SMOOTHING_MAX = 0.99;
const METRIC_PREFIX = "metric:";

export interface ChartState {
  /** Search among panels. */
  panels: string;
  x: ChartAxis;
  smooth: number;
  y: "linear" | "log";
  band: boolean;
  zoom: Range | null;
  /** Collapsed sections. */
  closed: readonly string[];
}

export const chartParams = {
  panels: textParam(),
  x: axisParam(),
  smooth: numberParam(0, 0, SMOOTHING_MAX),
  y: choiceParam(["linear", "log"]),
  band: switchParam(true),
  zoom: rangeParam(),
  closed: namesParam(),
} satisfies { [K in keyof ChartState]: Param<ChartState[K]> };

/** `step`, `relative`, `wall` or `metric:KEY`. */
function axisParam(): Param<ChartAxis> {
  return {
    initial: { axis: "step" },
    read: ([text = ""]) => {
      if (text === "step" || text === "relative" || text === "wall") return { axis: text };
      const key = text.slice(METRIC_PREFIX.length);
      return text.startsWith(METRIC_PREFIX) && key !== "" ? { axis: "metric", key } : undefined;
    },
    write: ({ axis, key }) => [axis === "metric" ? METRIC_PREFIX + key : axis],
  };
}

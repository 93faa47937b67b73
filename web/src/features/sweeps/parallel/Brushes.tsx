import { type TrialSelection, useTrialSelection } from "../selection";
import type { PlotBox } from "./AxisLines";
import styles from "./ParallelCoordinates.module.css";
import { type Axis, isMissingRange, unitsOfRange } from "./parallelModel";

interface BrushesProps {
  axes: readonly Axis[];
  xs: readonly number[];
  box: PlotBox;
  selection: TrialSelection;
}

export const BRUSH_PX = 16;

/** The brushed ranges: the only part of the drawing that React renders while one is dragged. */
export function Brushes({ axes, xs, box, selection }: BrushesProps) {
  useTrialSelection(selection);
  return axes.map((axis, i) => {
    const x = (xs[i] ?? 0) - BRUSH_PX / 2;
    const ranges = selection.brushes.get(axis.name) ?? [];
    return ranges.map((range) => {
      const key = `${axis.name} ${range.join(" ")}`;
      if (isMissingRange(range)) {
        return (
          <rect
            key={key}
            className={styles.brush}
            {...{ x, y: box.lane - 7, width: BRUSH_PX, height: 14, rx: 3 }}
          />
        );
      }
      const [low, high] = unitsOfRange(axis, range);
      const height = Math.max(4, (high - low) * (box.bottom - box.top));
      const y = box.bottom - high * (box.bottom - box.top);
      return (
        <rect key={key} className={styles.brush} {...{ x, y, width: BRUSH_PX, height, rx: 3 }} />
      );
    });
  });
}

import { formatValue } from "~/charts/format";
import { Button, IconButton } from "~/ui/Button";
import type { TrialColumns } from "../data";
import { type TrialSelection, useHoveredTrial, useTrialSelection } from "../selection";
import { type AxisSource, describeRange } from "./parallelModel";
import styles from "./SelectionBar.module.css";

interface SelectionBarProps {
  columns: TrialColumns;
  sources: readonly AxisSource[];
  selection: TrialSelection;
  onNarrow: () => void;
}

/** What is brushed, in words; without a brush, what is pointed at, or how to brush. */
export function SelectionBar({ columns, sources, selection, onNarrow }: SelectionBarProps) {
  useTrialSelection(selection);
  const byName = new Map<string, AxisSource>(sources.map((source) => [source.name, source]));
  const brushes = [...selection.brushes].filter(([name]) => byName.has(name));
  const isFree = selection.mask === null;
  return (
    <div className={styles.bar}>
      {isFree ? (
        <span className={styles.hint}>
          Drag along an axis to select; drag again for a further range.
        </span>
      ) : (
        <>
          <strong role="status">
            {selection.count.toLocaleString("en-US")} of {columns.count.toLocaleString("en-US")}{" "}
            trials selected
          </strong>
          <ul className={styles.chips} aria-label="Selected ranges">
            {brushes.map(([name, ranges]) => {
              const source = byName.get(name) as AxisSource;
              const text = ranges.map((range) => describeRange(source, range)).join(" or ");
              return (
                <li key={name} title={`${source.label}: ${text}`}>
                  <span>
                    {source.label}: {text}
                  </span>
                  <IconButton
                    icon="x"
                    label={`Clear the ranges of ${source.label}`}
                    onClick={() => selection.brush(name, [])}
                  />
                </li>
              );
            })}
            {selection.picked !== null && (
              <li>
                <span>picked in a chart</span>
                <IconButton
                  icon="x"
                  label="Clear what was picked in a chart"
                  onClick={() => selection.pick(null)}
                />
              </li>
            )}
          </ul>
          <Button look="ghost" onClick={() => selection.clear()}>
            Clear
          </Button>
          {brushes.some(([name]) => name.startsWith("parameter:")) && (
            <Button icon="edit" onClick={onNarrow}>
              Narrow the space to this
            </Button>
          )}
        </>
      )}
      <Pointed columns={columns} selection={selection} />
    </div>
  );
}

function Pointed({ columns, selection }: Pick<SelectionBarProps, "columns" | "selection">) {
  const hovered = useHoveredTrial(selection);
  const row = hovered === null ? -1 : columns.ids.indexOf(hovered);
  if (row < 0) return null;
  const metrics = columns.metrics.slice(0, 2).map(({ name, numbers }) => {
    const value = numbers[row] as number;
    return `${name} ${Number.isNaN(value) ? "–" : formatValue(value)}`;
  });
  return (
    <span className={styles.pointed} aria-hidden="true">
      {columns.names[row]} · {metrics.join(" · ")}
    </span>
  );
}

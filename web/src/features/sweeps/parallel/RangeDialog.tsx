import { useState } from "react";
import { Button, IconButton } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { Field } from "~/ui/Input";
import { type BrushRange, MISSING, type TrialSelection, useTrialSelection } from "../selection";
import { type Axis, describeRange, isMissingRange, joinRanges } from "./parallelModel";
import styles from "./RangeDialog.module.css";

interface RangeDialogProps {
  axis: Axis;
  selection: TrialSelection;
  onClose: () => void;
}

/** What a brush does, by keyboard: ranges of numbers as texts, values of a category as boxes. */
export function RangeDialog({ axis, selection, onClose }: RangeDialogProps) {
  useTrialSelection(selection);
  const ranges = selection.brushes.get(axis.name) ?? [];
  const set = (next: readonly BrushRange[]) => selection.brush(axis.name, joinRanges(axis, next));
  const hasMissing = ranges.some(isMissingRange);
  return (
    <Dialog
      isOpen
      title={`Ranges of ${axis.label}`}
      description={`A trial is selected when its value lies in one of them. ${selection.count.toLocaleString("en-US")} are now.`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={() => selection.brush(axis.name, [])} disabled={ranges.length === 0}>
            Clear
          </Button>
          <Button look="primary" onClick={onClose}>
            Done
          </Button>
        </>
      }
    >
      {axis.labels.length > 0 ? (
        <ul className={styles.values} aria-label="Values">
          {axis.labels.map((label, place) => (
            <li key={label}>
              <label>
                <input
                  type="checkbox"
                  checked={ranges.some(([low, high]) => place >= low && place <= high)}
                  onChange={() => set(togglePlace(ranges, place))}
                />
                {label}
              </label>
            </li>
          ))}
        </ul>
      ) : (
        <NumberRanges {...{ axis, ranges, set }} />
      )}
      <label className={styles.missing}>
        <input
          type="checkbox"
          checked={hasMissing}
          onChange={() =>
            set(hasMissing ? ranges.filter((each) => !isMissingRange(each)) : [...ranges, MISSING])
          }
        />
        Trials without a value
      </label>
    </Dialog>
  );
}

interface NumberRangesProps {
  axis: Axis;
  ranges: readonly BrushRange[];
  set: (ranges: readonly BrushRange[]) => void;
}

function NumberRanges({ axis, ranges, set }: NumberRangesProps) {
  const [low, setLow] = useState("");
  const [high, setHigh] = useState("");
  const [error, setError] = useState<string | null>(null);
  const add = () => {
    const [from, to] = [
      low.trim() === "" ? axis.min : Number(low),
      high.trim() === "" ? axis.max : Number(high),
    ];
    if (Number.isNaN(from) || Number.isNaN(to)) setError("Write numbers, as 0.001 or 1e-3.");
    else if (from > to) setError("The lower end is above the upper one.");
    else {
      set([...ranges, [from, to]]);
      setLow("");
      setHigh("");
      setError(null);
    }
  };
  return (
    <>
      <ul className={styles.ranges} aria-label="Ranges">
        {ranges
          .filter((range) => !isMissingRange(range))
          .map((range) => (
            <li key={range.join(" ")}>
              {describeRange(axis, range)}
              <IconButton
                icon="x"
                label={`Take away ${describeRange(axis, range)}`}
                onClick={() => set(ranges.filter((each) => each !== range))}
              />
            </li>
          ))}
      </ul>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <Field
          label="From"
          inputMode="decimal"
          value={low}
          placeholder={String(Number(axis.min.toPrecision(4)))}
          onChange={(event) => setLow(event.currentTarget.value)}
          error={error}
        />
        <Field
          label="To"
          inputMode="decimal"
          value={high}
          placeholder={String(Number(axis.max.toPrecision(4)))}
          onChange={(event) => setHigh(event.currentTarget.value)}
        />
        <Button type="submit">Add</Button>
      </form>
    </>
  );
}

/** Every chosen place as a range of its own; those beside one another are joined afterwards. */
function togglePlace(ranges: readonly BrushRange[], place: number): BrushRange[] {
  const places = new Set<number>();
  for (const [low, high] of ranges.filter((each) => !isMissingRange(each))) {
    for (let each = low; each <= high; each++) places.add(each);
  }
  if (!places.delete(place)) places.add(place);
  return [...ranges.filter(isMissingRange), ...[...places].map((each): BrushRange => [each, each])];
}

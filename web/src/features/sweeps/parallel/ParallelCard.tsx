import { useMemo, useState } from "react";
import { makeSequence } from "~/charts/sequential";
import { useScheme } from "~/theme/theme";
import { Button } from "~/ui/Button";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import type { Outcome, TrialColumns } from "../data";
import { OutcomeList } from "../OutcomeList";
import { countOutcomes, describeCounts } from "../outcomes";
import type { TrialSelection } from "../selection";
import { AxesDialog } from "./AxesDialog";
import styles from "./ParallelCard.module.css";
import { ParallelCoordinates } from "./ParallelCoordinates";
import { type Axis, type AxisLayout, arrangeAxes, listAxisSources } from "./parallelModel";
import { RangeDialog } from "./RangeDialog";
import { SelectionBar } from "./SelectionBar";

interface ParallelCardProps {
  columns: TrialColumns;
  rows: Int32Array;
  hidden: readonly Outcome[];
  layout: AxisLayout;
  selection: TrialSelection;
  onHide: (hidden: readonly Outcome[]) => void;
  onLayout: (layout: Partial<AxisLayout>) => void;
  onOpen: (row: number) => void;
  onNarrow: () => void;
}

/** Parallel coordinates with what is counted in them, and what is brushed. */
export function ParallelCard(props: ParallelCardProps) {
  const { columns, rows, hidden, layout, selection, onHide, onLayout, onOpen, onNarrow } = props;
  const sources = useMemo(() => listAxisSources(columns), [columns]);
  const axes = useMemo(() => arrangeAxes(sources, layout), [sources, layout]);
  const counts = useMemo(() => countOutcomes(columns.outcomes), [columns]);
  const [asked, setAsked] = useState<Axis | null>(null);
  const [isChoosing, setChoosing] = useState(false);
  const [metric] = columns.metrics;
  return (
    <Card
      title="Parallel coordinates"
      action={
        <Button look="ghost" icon="list" onClick={() => setChoosing(true)}>
          Axes
        </Button>
      }
    >
      <div className={styles.bar}>
        <OutcomeList label="Counted trials" counts={counts} hidden={hidden} onHide={onHide} />
        <p className={styles.counted}>
          {rows.length === columns.total
            ? "All are counted."
            : `Counted: ${describeCounts(counts, hidden)}, ${rows.length.toLocaleString("en-US")} of ${columns.total.toLocaleString("en-US")} trials.`}
          {columns.count < columns.total && " More are being read."}
        </p>
        {metric !== undefined && <Legend name={metric.name} />}
      </div>
      {axes.length === 0 || rows.length === 0 ? (
        <EmptyState
          title="Nothing to draw"
          text={
            axes.length === 0
              ? "The configuration searches no parameter and names no metric."
              : "All trials are switched off above."
          }
        />
      ) : (
        <ParallelCoordinates
          {...{ columns, rows, axes, selection, layout, onLayout, onOpen }}
          onRange={setAsked}
        />
      )}
      <SelectionBar {...{ columns, sources, selection, onNarrow }} />
      {asked !== null && (
        <RangeDialog axis={asked} selection={selection} onClose={() => setAsked(null)} />
      )}
      {isChoosing && (
        <AxesDialog
          sources={sources}
          shown={axes.map(({ name }) => name)}
          onChange={(names) => onLayout({ axes: names })}
          onClose={() => setChoosing(false)}
        />
      )}
    </Card>
  );
}

const LEGEND_STEPS = 9;

function Legend({ name }: { name: string }) {
  const scheme = useScheme();
  const colors = makeSequence(scheme, LEGEND_STEPS).join(", ");
  return (
    <p className={styles.legend} title={`Lines are coloured by the rank of ${name}`}>
      worst
      <span style={{ background: `linear-gradient(to right, ${colors})` }} aria-hidden="true" />
      best {name}
    </p>
  );
}

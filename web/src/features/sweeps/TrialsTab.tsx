import { useCallback, useEffect, useMemo, useState } from "react";
import { request } from "~/api/client";
import type { JsonValue, NarrowedConfig } from "~/api/types";
import { CodeBlock } from "~/ui/CodeBlock";
import { EmptyState } from "~/ui/EmptyState";
import { useToast } from "~/ui/Toast";
import { BestCard } from "./BestCard";
import { BestPlot } from "./BestPlot";
import { type SweepDetail, type SweepPlace, sweepApi, type TrialColumns } from "./data";
import { listCounted } from "./outcomes";
import { ParallelCard } from "./parallel/ParallelCard";
import { type AxisLayout, isMissingRange } from "./parallel/parallelModel";
import type { Brushes, TrialSelection } from "./selection";
import type { SweepView } from "./sweepParams";
import { TrialDialog } from "./TrialDialog";
import styles from "./TrialsTab.module.css";
import { TrialsTable } from "./TrialsTable";
import { useSettledSelection } from "./useSettledSelection";

interface TrialsTabProps {
  place: SweepPlace;
  sweep: SweepDetail;
  columns: TrialColumns;
  selection: TrialSelection;
  view: SweepView;
  change: (patch: Partial<SweepView>) => void;
  onEdit: (text: string, notes: readonly string[]) => void;
}

/** All trials: over their parameters, over time, and one by one. */
export function TrialsTab(props: TrialsTabProps) {
  const { place, sweep, columns, selection, view, change, onEdit } = props;
  const toast = useToast();
  const [openId, setOpenId] = useState<number | null>(null);
  const rows = useMemo(() => listCounted(columns, view.hide), [columns, view.hide]);
  const settled = useSettledSelection(selection);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the selection is read again when it rests
  const shown = useMemo(
    () => (selection.mask === null ? rows : rows.filter((row) => selection.isSelected(row))),
    [rows, selection, settled],
  );
  const layout = useMemo(
    (): AxisLayout => ({ axes: view.axes, flipped: view.flip, scales: view.scale }),
    [view.axes, view.flip, view.scale],
  );
  const onLayout = useCallback(
    ({ axes, flipped, scales }: Partial<AxisLayout>) =>
      change({
        ...(axes === undefined ? {} : { axes }),
        ...(flipped === undefined ? {} : { flip: flipped }),
        ...(scales === undefined ? {} : { scale: scales }),
      }),
    [change],
  );
  const onOpen = useCallback((row: number) => setOpenId(columns.ids[row] ?? null), [columns]);
  const onSort = useCallback((sort: string) => change({ sort }), [change]);
  const narrow = async () => {
    try {
      const narrowed = await request<NarrowedConfig>(`${sweepApi(place)}/narrowed`, {
        method: "POST",
        body: { parameters: keptOf(columns, selection.brushes) },
      });
      onEdit(narrowed.config, narrowed.notes);
    } catch (error) {
      toast({ tone: "error", text: error instanceof Error ? error.message : String(error) });
    }
  };
  useEffect(() => () => selection.hover(null), [selection]);

  if (columns.count === 0) return <FirstTrial place={place} sweep={sweep} />;
  const openRow = openId === null ? -1 : columns.ids.indexOf(openId);
  return (
    <div className={styles.tab}>
      <ParallelCard
        {...{ columns, rows, layout, selection, onLayout, onOpen }}
        hidden={view.hide}
        onHide={(hide) => change({ hide })}
        onNarrow={narrow}
      />
      <div className={styles.pair}>
        <BestPlot
          {...{ columns, rows, selection, onOpen }}
          over={view.over}
          onOver={(over) => change({ over })}
        />
        <BestCard {...{ columns, rows, onOpen }} />
      </div>
      <TrialsTable
        {...{ place, columns, selection, onOpen, onSort }}
        rows={shown}
        isSelection={selection.mask !== null}
        sort={view.sort}
      />
      {openRow >= 0 && (
        <TrialDialog {...{ place, columns }} row={openRow} onClose={() => setOpenId(null)} />
      )}
    </div>
  );
}

interface KeptParameter {
  ranges: (readonly [number, number])[];
  values?: JsonValue[];
}

/** What the brushes leave of each parameter, as the server takes it. */
export function keptOf(columns: TrialColumns, brushes: Brushes): Record<string, KeptParameter> {
  const kept: Record<string, KeptParameter> = {};
  for (const parameter of columns.parameters) {
    const ranges = (brushes.get(`parameter:${parameter.name}`) ?? []).filter(
      (range) => !isMissingRange(range),
    );
    if (ranges.length === 0) continue;
    kept[parameter.name] =
      parameter.labels.length > 0
        ? {
            ranges: [],
            values: parameter.values.filter((_, place) =>
              ranges.some(([low, high]) => place >= low && place <= high),
            ),
          }
        : { ranges: [...ranges] };
  }
  return kept;
}

function FirstTrial({ place, sweep }: { place: SweepPlace; sweep: SweepDetail }) {
  const path = `${place.entity}/${place.project}/${place.sweep}`;
  const isOver = sweep.state === "finished" || sweep.state === "canceled";
  return (
    <EmptyState
      icon="chart"
      title={isOver ? "This sweep ended without a trial" : "No trial yet"}
      text={
        isOver
          ? "Resume it, and start an agent."
          : "Start an agent, here or on any machine that reaches this server: it asks for a configuration, runs it, and asks again."
      }
    >
      <CodeBlock code={`steelyard agent ${path}`} label="Copy the command" />
    </EmptyState>
  );
}

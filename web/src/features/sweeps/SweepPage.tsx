import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { useParams } from "react-router";
import { ApiError, pathOf, urlOf } from "~/api/client";
import { useLive } from "~/core/live";
import { useThrottledRefetch } from "~/core/useThrottledRefetch";
import { useUrlState } from "~/core/useUrlState";
import { LinkButton } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { useReportLive } from "~/ui/LiveDot";
import { PageTitle } from "~/ui/PageTitle";
import { sweepsPath } from "~/ui/paths";
import { Skeleton, SkeletonRows } from "~/ui/Skeleton";
import { Tabs } from "~/ui/Tabs";
import { axesOf } from "./axes";
import { type SweepPlace, sweepKeys, useSweep, useTrialColumns } from "./data";
import { EditDialog } from "./EditDialog";
import { countOutcomes, outcomesOfStates } from "./outcomes";
import { SweepHeader, titleOfSweep } from "./SweepHeader";
import styles from "./SweepPage.module.css";
import { type TrialSelection, useNewTrialSelection } from "./selection";
import { sweepParams } from "./sweepParams";
import { sweepPath } from "./sweepPaths";
import { TrialsTab } from "./TrialsTab";

const Analysis = lazy(() => import("./analysis"));

interface Edited {
  text: string;
  notes: readonly string[];
}

/** One sweep: its charts and trials, and in the other tab what can be learned of them. */
export function SweepPage() {
  const { entity = "", project = "", sweep = "", tab = "trials" } = useParams();
  const place = { entity, project, sweep };
  const detail = useSweep(place);
  const trials = useTrialColumns(place);
  const { state, change, ignored } = useUrlState(sweepParams);
  const selection = useNewTrialSelection();
  const [edited, setEdited] = useState<Edited | null>(null);
  const { columns } = trials;
  useEffect(() => {
    if (columns !== undefined) selection.setTrials(columns.ids, axesOf(columns));
  }, [selection, columns]);
  useBrushesInUrl(selection, state.brush, change);
  useLiveSweep(place, trials.data?.pages.length ?? 1);

  const error = detail.error ?? trials.error;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <EmptyState
        level={1}
        icon="search"
        title="There is no such sweep here"
        text={`The sweep ${sweep} was deleted, never was in ${entity}/${project}, or you may not see it.`}
      >
        <LinkButton to={sweepsPath(entity, project)}>Go to the sweeps</LinkButton>
      </EmptyState>
    );
  }
  if (error !== null && (detail.data === undefined || columns === undefined)) {
    return (
      <ErrorCard
        error={error}
        title="This sweep could not be read"
        onRetry={() => {
          void detail.refetch();
          void trials.refetch();
        }}
      />
    );
  }
  if (detail.data === undefined || columns === undefined) return <SweepSkeleton />;
  return (
    <div className={styles.page}>
      <PageTitle title={`${titleOfSweep(detail.data)} · ${project}`} />
      <div className={styles.top}>
        <SweepHeader
          place={place}
          sweep={detail.data}
          counts={
            columns.count < columns.total
              ? outcomesOfStates(detail.data.trial_counts)
              : countOutcomes(columns.outcomes)
          }
          onEdit={() => setEdited({ text: detail.data.config, notes: [] })}
        />
        <Tabs
          label="Views of the sweep"
          tabs={[
            { to: sweepPath(place), label: "Trials", count: columns.total, isExact: true },
            { to: sweepPath(place, "analysis"), label: "Analysis" },
          ]}
        />
      </div>
      <div className={styles.content}>
        <IgnoredParams ignored={ignored} />
        {tab === "analysis" ? (
          <Suspense fallback={<SkeletonRows count={10} label="Loading the analysis" />}>
            <Analysis sweep={detail.data} columns={columns} selection={selection} />
          </Suspense>
        ) : (
          <TrialsTab
            {...{ place, columns, selection, change }}
            sweep={detail.data}
            view={state}
            onEdit={(text, notes) => setEdited({ text, notes })}
          />
        )}
      </div>
      {edited !== null && (
        <EditDialog
          place={place}
          sweep={detail.data}
          text={edited.text}
          notes={edited.notes}
          onClose={() => setEdited(null)}
        />
      )}
    </div>
  );
}

const REST_MS = 250;

/** The brushes are in the address once they rest, and an address is brushed when it is opened. */
function useBrushesInUrl(
  selection: TrialSelection,
  inUrl: TrialSelection["brushes"],
  change: (patch: { brush: TrialSelection["brushes"] }) => void,
): void {
  const written = useRef<TrialSelection["brushes"] | null>(null);
  useEffect(() => {
    if (inUrl === written.current || inUrl === selection.brushes) return;
    written.current = inUrl;
    selection.setBrushes(inUrl);
  }, [selection, inUrl]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = selection.subscribe(() => {
      clearTimeout(timer);
      if (selection.isDragged) return;
      timer = setTimeout(() => {
        if (selection.brushes === written.current) return;
        written.current = selection.brushes;
        change({ brush: selection.brushes });
      }, REST_MS);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, [selection, change]);
}

/** Reads the sweep again when runs of its project change: trials begin and end with their runs. */
function useLiveSweep({ entity, project, sweep }: SweepPlace, pageCount: number): void {
  const queryClient = useQueryClient();
  const renew = useCallback(
    () => queryClient.invalidateQueries({ queryKey: sweepKeys.all({ entity, project, sweep }) }),
    [queryClient, entity, project, sweep],
  );
  const renewSoon = useThrottledRefetch(renew, 2 * pageCount);
  useReportLive(useLive(urlOf(`/api/v1${pathOf(entity, project)}/live`), renewSoon));
}

function SweepSkeleton() {
  return (
    <div className={styles.page}>
      <div className={styles.top}>
        <div className={styles.headerSkeleton}>
          <Skeleton width={280} height={20} />
          <Skeleton width={420} />
        </div>
      </div>
      <SkeletonRows count={12} label="Loading the sweep" />
    </div>
  );
}

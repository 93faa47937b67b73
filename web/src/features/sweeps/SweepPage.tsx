import { lazy, Suspense, useEffect } from "react";
import { useParams } from "react-router";
import { ErrorCard } from "~/ui/ErrorCard";
import { PageTitle } from "~/ui/PageTitle";
import { SkeletonRows } from "~/ui/Skeleton";
import { Tabs } from "~/ui/Tabs";
import { axesOf } from "./axes";
import { useSweep, useTrialColumns } from "./data";
import styles from "./SweepPage.module.css";
import { useNewTrialSelection } from "./selection";
import { sweepPath } from "./sweepPaths";

const Analysis = lazy(() => import("./analysis"));

/** One sweep: its charts and trials, and in the other tab what can be learned of them. */
export function SweepPage() {
  const { entity = "", project = "", sweep = "", tab = "trials" } = useParams();
  const place = { entity, project, sweep };
  const detail = useSweep(place);
  const { columns } = useTrialColumns(place);
  const selection = useNewTrialSelection();
  useEffect(() => {
    if (columns !== undefined) selection.setTrials(columns.ids, axesOf(columns));
  }, [selection, columns]);

  if (detail.isError) {
    return (
      <ErrorCard
        error={detail.error}
        title="This sweep could not be read"
        onRetry={detail.refetch}
      />
    );
  }
  if (detail.isPending || columns === undefined) {
    return <SkeletonRows count={10} label="Loading the sweep" />;
  }
  return (
    <div className={styles.page}>
      <PageTitle title={`${detail.data.display_name ?? sweep} · ${project}`} />
      <div className={styles.top}>
        <Tabs
          label="Views of the sweep"
          tabs={[
            { to: sweepPath(place), label: "Trials", count: columns.total, isExact: true },
            { to: sweepPath(place, "analysis"), label: "Analysis" },
          ]}
        />
      </div>
      <div className={styles.content}>
        <Suspense fallback={<SkeletonRows count={10} label="Loading the analysis" />}>
          {tab === "analysis" && (
            <Analysis sweep={detail.data} columns={columns} selection={selection} />
          )}
        </Suspense>
      </div>
    </div>
  );
}

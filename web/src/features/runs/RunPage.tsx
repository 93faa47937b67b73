import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useState } from "react";
import { Navigate, useParams } from "react-router";
import { ApiError, pathOf, urlOf } from "../../api/client";
import type { RunDetail } from "../../api/types";
import { useLive } from "../../core/live";
import { LinkButton } from "../../ui/Button";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorCard } from "../../ui/ErrorCard";
import { useReportLive } from "../../ui/LiveDot";
import { PageTitle } from "../../ui/PageTitle";
import { projectPath, type RunRef, type RunTab, runPath } from "../../ui/paths";
import { Skeleton, SkeletonRows } from "../../ui/Skeleton";
import { type Tab, Tabs } from "../../ui/Tabs";
import { FilesTab } from "./FilesTab";
import { LogsTab } from "./LogsTab";
import { OverviewTab } from "./OverviewTab";
import { isDeletion, runKeys, useRun } from "./queries";
import { RunHeader } from "./RunHeader";
import styles from "./RunPage.module.css";

// Charts bring the plotting library; the other tabs do without it.
const ChartsTab = lazy(() => import("./ChartsTab"));
const ArtifactsTab = lazy(() => import("./ArtifactsTab"));

const TABS: readonly RunTab[] = ["overview", "charts", "system", "logs", "files", "artifacts"];

export default function RunPage() {
  const { entity = "", project = "", run = "", tab = "" } = useParams();
  const ref = { entity, project, run };
  const detail = useRun(ref);
  const revision = useLiveRun(ref);

  if (!isTab(tab)) return <Navigate to={runPath(ref, "overview")} replace />;
  if (detail.data !== undefined) {
    return (
      <div className={styles.page}>
        <PageTitle title={`${detail.data.display_name} · ${project}`} />
        <div className={styles.top}>
          <RunHeader runRef={ref} run={detail.data} />
          <Tabs label="Views of the run" tabs={listTabs(ref, detail.data)} />
        </div>
        <div className={styles.content}>
          <Suspense fallback={<RunSkeleton />}>
            <TabContent tab={tab} runRef={ref} run={detail.data} revision={revision} />
          </Suspense>
        </div>
      </div>
    );
  }
  if (detail.isPending) return <RunSkeleton />;
  if (detail.error instanceof ApiError && detail.error.status === 404) {
    return (
      <EmptyState
        level={1}
        icon="search"
        title="There is no such run here"
        text={`The run ${run} was deleted, never reached ${entity}/${project}, or you may not see it.`}
      >
        <LinkButton to={projectPath(entity, project)}>Go to the project</LinkButton>
      </EmptyState>
    );
  }
  return (
    <ErrorCard error={detail.error} title="This run could not be read" onRetry={detail.refetch} />
  );
}

interface TabContentProps {
  tab: RunTab;
  runRef: RunRef;
  run: RunDetail;
  revision: number;
}

function TabContent({ tab, runRef, run, revision }: TabContentProps) {
  if (tab === "charts" || tab === "system") {
    const stream = tab === "charts" ? "history" : "system";
    return <ChartsTab key={stream} {...{ runRef, run, stream, revision }} />;
  }
  if (tab === "logs") return <LogsTab key={run.name} runRef={runRef} run={run} />;
  if (tab === "files") return <FilesTab runRef={runRef} />;
  if (tab === "artifacts") return <ArtifactsTab runRef={runRef} run={run} />;
  return <OverviewTab runRef={runRef} run={run} />;
}

function listTabs(ref: RunRef, run: RunDetail): Tab[] {
  return [
    { to: runPath(ref, "overview"), label: "Overview" },
    { to: runPath(ref, "charts"), label: "Charts" },
    { to: runPath(ref, "system"), label: "System" },
    { to: runPath(ref, "logs"), label: "Logs", count: run.log_line_count },
    { to: runPath(ref, "files"), label: "Files" },
    { to: runPath(ref, "artifacts"), label: "Artifacts" },
  ];
}

/** Reads again what is shown when the server says that something changed. Returns how often it did. */
function useLiveRun({ entity, project, run }: RunRef): number {
  const queryClient = useQueryClient();
  const [revision, setRevision] = useState(0);
  const renew = useCallback(() => {
    const ref = { entity, project, run };
    if (isDeletion(queryClient, ref)) return;
    setRevision((count) => count + 1);
    const { detail, files, logs, artifacts } = runKeys;
    for (const queryKey of [detail(ref), files(ref), logs(ref), artifacts(ref)]) {
      void queryClient.invalidateQueries({ queryKey });
    }
  }, [queryClient, entity, project, run]);
  useReportLive(useLive(urlOf(`/api/v1${pathOf(entity, project)}/live`, { run }), renew));
  return revision;
}

function isTab(text: string): text is RunTab {
  return (TABS as readonly string[]).includes(text);
}

function RunSkeleton() {
  return (
    <div className={styles.page}>
      <div className={styles.top}>
        <div className={styles.headerSkeleton}>
          <Skeleton width={280} height={20} />
          <Skeleton width={420} />
        </div>
      </div>
      <div className={styles.skeleton}>
        <SkeletonRows count={10} label="Loading the run" />
        <SkeletonRows count={10} label="Loading the run" />
      </div>
    </div>
  );
}

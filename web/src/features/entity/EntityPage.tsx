import { useInfiniteQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { pathOf, request } from "../../api/client";
import type { Page, ProjectRow } from "../../api/types";
import { Button } from "../../ui/Button";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorCard } from "../../ui/ErrorCard";
import { FirstSteps } from "../../ui/FirstSteps";
import { PageTitle } from "../../ui/PageTitle";
import { ProjectTable } from "../../ui/ProjectTable";
import { SkeletonRows } from "../../ui/Skeleton";
import styles from "./EntityPage.module.css";

const PAGE_ROWS = 100;

export default function EntityPage() {
  const { entity = "" } = useParams();
  const projects = useProjects(entity);
  const rows = projects.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={styles.page}>
      <PageTitle title={entity} />
      <h1>{entity}</h1>
      {projects.isPending && <SkeletonRows count={8} label="Loading projects" />}
      {projects.isError && rows.length === 0 && (
        <ErrorCard
          error={projects.error}
          title={`The projects of ${entity} could not be read`}
          onRetry={projects.refetch}
        />
      )}
      {projects.isSuccess && rows.length === 0 && (
        <EmptyState
          icon="folder"
          title="No projects yet"
          text="A project appears here with the first run logged to it."
        >
          <FirstSteps />
        </EmptyState>
      )}
      {rows.length > 0 && <ProjectTable projects={rows} />}
      {projects.hasNextPage && (
        <Button isBusy={projects.isFetchingNextPage} onClick={() => projects.fetchNextPage()}>
          Show more projects
        </Button>
      )}
    </div>
  );
}

function useProjects(entity: string) {
  return useInfiniteQuery({
    queryKey: ["projects", entity],
    queryFn: ({ pageParam, signal }) =>
      request<Page<ProjectRow>>(`/api/v1/entities${pathOf(entity)}/projects`, {
        query: { cursor: pageParam, limit: PAGE_ROWS },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}

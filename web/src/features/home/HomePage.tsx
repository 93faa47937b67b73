import { Link } from "react-router";
import { useHome } from "../../api/recent";
import type { Home, RunRow } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorCard } from "../../ui/ErrorCard";
import { FirstSteps } from "../../ui/FirstSteps";
import { PageTitle } from "../../ui/PageTitle";
import { ProjectTable } from "../../ui/ProjectTable";
import { projectPath, runPath } from "../../ui/paths";
import { RunSwatch } from "../../ui/RunSwatch";
import { SkeletonRows } from "../../ui/Skeleton";
import { StatusDot } from "../../ui/StatusDot";
import table from "../../ui/Table.module.css";
import { RunningDuration, TimeAgo } from "../../ui/values";
import styles from "./HomePage.module.css";

export default function HomePage() {
  const home = useHome();
  return (
    <div className={styles.page}>
      <PageTitle title="Home" />
      <h1 className="visually-hidden">Home</h1>
      {home.isPending && <HomeSkeleton />}
      {home.isError && home.data === undefined && (
        <ErrorCard
          error={home.error}
          title="Your projects could not be read"
          onRetry={home.refetch}
        />
      )}
      {home.data !== undefined && <HomeContent home={home.data} />}
    </div>
  );
}

function HomeContent({ home }: { home: Home }) {
  if (home.projects.length === 0) {
    return (
      <EmptyState
        icon="chart"
        title="Log your first run"
        text="Nothing has been logged here yet. Scripts written for wandb work unchanged; paste these lines into a shell."
      >
        <FirstSteps />
      </EmptyState>
    );
  }
  return (
    <>
      {home.running.length > 0 && (
        <section aria-labelledby="running">
          <h2 id="running">
            Running now <span className={styles.count}>{home.running.length}</span>
          </h2>
          <RunningTable runs={home.running} />
        </section>
      )}
      <section aria-labelledby="projects">
        <h2 id="projects">Recent projects</h2>
        <ProjectTable projects={home.projects} withEntity />
      </section>
    </>
  );
}

function RunningTable({ runs }: { runs: readonly RunRow[] }) {
  return (
    <div className={table.frame}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Project</th>
            <th scope="col">By</th>
            <th scope="col">Started</th>
            <th scope="col" className={table.number}>
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={`${run.entity}/${run.project}/${run.name}`}>
              <td className={table.strong}>
                <Link
                  className={table.link}
                  to={runPath({ entity: run.entity, project: run.project, run: run.name })}
                >
                  <RunSwatch run={run.name} color={run.color} />
                  <span>{run.display_name}</span>
                </Link>
              </td>
              <td>
                <StatusDot state={run.state} withLabel />
              </td>
              <td>
                <Link to={projectPath(run.entity, run.project)}>{run.project}</Link>
              </td>
              <td>{run.username}</td>
              <td>
                <TimeAgo us={run.created_at_us} />
              </td>
              <td className={table.number}>
                <RunningDuration sinceUs={run.created_at_us} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HomeSkeleton() {
  return (
    <div className={table.frame}>
      <div className={styles.skeleton}>
        <SkeletonRows count={8} label="Loading your projects" />
      </div>
    </div>
  );
}

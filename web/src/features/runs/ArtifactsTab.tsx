import { Link } from "react-router";
import type { RunDetail, VersionRef } from "../../api/types";
import { AliasChips } from "../../ui/AliasChips";
import { Card } from "../../ui/Card";
import { CodeBlock } from "../../ui/CodeBlock";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorCard } from "../../ui/ErrorCard";
import { type RunRef, versionPath } from "../../ui/paths";
import { SkeletonRows } from "../../ui/Skeleton";
import table from "../../ui/Table.module.css";
import { Bytes, TimeAgo } from "../../ui/values";
import styles from "./ArtifactsTab.module.css";
import { useRunArtifacts } from "./queries";

/** The versions that a run read and those it made. */
export default function ArtifactsTab({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const artifacts = useRunArtifacts(runRef);
  if (artifacts.isPending) {
    return (
      <div className={styles.artifacts}>
        <SkeletonRows count={6} label="Loading the artifacts" />
      </div>
    );
  }
  if (artifacts.isError) {
    return (
      <ErrorCard
        error={artifacts.error}
        title="The artifacts could not be read"
        onRetry={artifacts.refetch}
      />
    );
  }
  const { inputs, outputs } = artifacts.data;
  if (inputs.length === 0 && outputs.length === 0) {
    return (
      <EmptyState
        icon="box"
        title="No artifacts"
        text="What the run reads and makes as artifacts is listed here, by version:"
      >
        <CodeBlock
          code={[
            'data = run.use_artifact("training-data:latest").download()',
            'model = wandb.Artifact("model", type="model")',
            'model.add_file("model.pt")',
            "run.log_artifact(model)",
          ].join("\n")}
        />
      </EmptyState>
    );
  }
  return (
    <div className={styles.artifacts}>
      <VersionsCard title="Inputs" runRef={runRef} versions={inputs} none="It has used none." />
      <VersionsCard
        title="Outputs"
        runRef={runRef}
        versions={outputs}
        none={run.state === "running" ? "It has logged none so far." : "It has logged none."}
      />
    </div>
  );
}

interface VersionsCardProps {
  title: string;
  runRef: RunRef;
  versions: readonly VersionRef[];
  none: string;
}

function VersionsCard({ title, runRef, versions, none }: VersionsCardProps) {
  return (
    <Card title={title} count={versions.length}>
      {versions.length === 0 ? (
        <p className={styles.none}>{none}</p>
      ) : (
        <div className={styles.scroller}>
          <table className={table.table} aria-label={title}>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Type</th>
                <th scope="col">Aliases</th>
                <th scope="col" className={table.number}>
                  Size
                </th>
                <th scope="col">Logged</th>
              </tr>
            </thead>
            <tbody>
              {versions.map((version) => (
                <tr key={`${version.id} ${version.use_as ?? ""}`}>
                  <td className={table.strong}>
                    <Link to={versionPath(version)} title={fullName(version)}>
                      {shortName(version, runRef)}
                    </Link>
                    {version.use_as != null && version.use_as !== "" && (
                      <span className={styles.useAs}> as {version.use_as}</span>
                    )}
                  </td>
                  <td>{version.type}</td>
                  <td>
                    <AliasChips aliases={version.aliases ?? []} shownMax={3} />
                  </td>
                  <td className={table.number}>
                    <Bytes value={version.size_bytes ?? 0} />
                  </td>
                  <td>
                    <TimeAgo us={version.created_at_us || null} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function fullName({ entity, project, name, version }: VersionRef): string {
  return `${entity}/${project}/${name}:${version}`;
}

/** With its project only where that is another than the run's. */
function shortName(version: VersionRef, runRef: RunRef): string {
  const isHere = version.entity === runRef.entity && version.project === runRef.project;
  return isHere ? `${version.name}:${version.version}` : fullName(version);
}

import { useMemo } from "react";
import { useUrlState } from "~/core/useUrlState";
import { Button, LinkButton } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { type VersionAddress, versionPath } from "~/ui/paths";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import { DEPTH_MAX, DIRECTIONS, lineageParams } from "./artifactParams";
import { LineageGraph } from "./LineageGraph";
import styles from "./LineageTab.module.css";
import { LineageTable } from "./LineageTable";
import { layOutLineage, sumUp } from "./lineageModel";
import { LINEAGE_NODES_MAX, useLineage } from "./queries";

const DEPTHS = Array.from({ length: DEPTH_MAX }, (_, index) => ({
  value: String(index + 1),
  label: String(index + 1),
}));

/** Where a version comes from and what came of it: as a graph, or the same as a table. */
export default function LineageTab({ address }: { address: VersionAddress }) {
  const { state, change, ignored } = useUrlState(lineageParams);
  const view = { depth: Math.max(1, state.depth), direction: state.dir, expand: state.open };
  const lineage = useLineage(address, view);
  const { data } = lineage;
  const layout = useMemo(() => (data === undefined ? null : layOutLineage(data)), [data]);
  const expand = (id: string) => change({ open: [...state.open, id] });

  return (
    <div className={styles.lineage}>
      <div className={styles.toolbar}>
        <Select
          label="Depth"
          value={String(view.depth)}
          choices={DEPTHS}
          onChoose={(depth) => change({ depth: Number(depth) })}
        />
        <Select
          label="Direction"
          value={state.dir}
          choices={DIRECTIONS}
          onChoose={(dir) => change({ dir })}
        />
        {state.open.length > 0 && (
          <Button look="ghost" icon="stack" onClick={() => change({ open: [] })}>
            Close the stacks
          </Button>
        )}
        <span className={styles.sum} role="status">
          {data !== undefined && sumUp(data)}
        </span>
        <Button
          icon={state.as === "graph" ? "list" : "stack"}
          onClick={() => change({ as: state.as === "graph" ? "table" : "graph" })}
        >
          {state.as === "graph" ? "View as table" : "View as graph"}
        </Button>
      </div>
      <IgnoredParams ignored={ignored} />
      {data?.truncated && (
        <p className={styles.notice} role="status">
          More than {LINEAGE_NODES_MAX} versions and runs are near; the nearest are shown. Less
          depth or one direction shows them whole.
        </p>
      )}
      {lineage.isPending && (
        <div className={styles.loading}>
          <SkeletonRows count={8} label="Loading the lineage" />
        </div>
      )}
      {lineage.isError && data === undefined && (
        <ErrorCard
          error={lineage.error}
          title="The lineage could not be read"
          onRetry={lineage.refetch}
        />
      )}
      {data !== undefined &&
        layout !== null &&
        (data.edges.length === 0 ? (
          <EmptyState
            icon="stack"
            title="Nothing is connected to this version"
            text="Runs that log or use it appear here, and the versions they read and make."
          >
            <LinkButton to={versionPath(address, "usage")}>How to use it in a run</LinkButton>
          </EmptyState>
        ) : state.as === "graph" ? (
          <LineageGraph lineage={data} layout={layout} onExpand={expand} />
        ) : (
          <LineageTable lineage={data} layout={layout} onExpand={expand} />
        ))}
    </div>
  );
}

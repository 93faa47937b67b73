import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import type { Version, VersionDiff } from "~/api/types";
import { useUrlState } from "~/core/useUrlState";
import { AliasChips } from "~/ui/AliasChips";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { type VersionAddress, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import { TimeAgo } from "~/ui/values";
import { diffParams } from "./artifactParams";
import { CausesSection } from "./DiffCauses";
import { FileChangesCard } from "./DiffFiles";
import styles from "./DiffTab.module.css";
import { TableChangesCard } from "./DiffTables";
import { ValueChangesCard } from "./DiffValues";
import { joinPages, useDiff, useVersion, useVersions } from "./queries";
import { VersionPicker } from "./VersionPicker";

interface DiffTabProps {
  address: VersionAddress;
  version: Version;
}

/** What changed between this version and another, and why: the older is before. Without a choice the one before it. */
export default function DiffTab({ address, version }: DiffTabProps) {
  const { state, change } = useUrlState(diffParams);
  const [isChoosing, setChoosing] = useState(false);
  const versions = useVersions(address);
  const previous = joinPages(versions.data).items.find((item) => item.index < version.index);
  const other = state.to || (previous?.version ?? "");
  // It may be an alias; which of the two is older must be known first.
  const chosen = useVersion({ ...address, version: other });
  const order = orderByAge(version, chosen.data);
  const diff = useDiff(address, order);
  const picker = isChoosing && (
    <VersionPicker
      place={address}
      without={version.version}
      title={`Compare ${version.version} with`}
      onClose={() => setChoosing(false)}
      onChoose={(to) => {
        setChoosing(false);
        change({ to });
      }}
    />
  );

  const failed = [chosen, diff].find((query) => query.isError);
  if (other === "" && !versions.isPending) {
    return (
      <EmptyState
        icon="compare"
        title="No version came before this one"
        text="Choose a later one to see what changed."
      >
        <Button onClick={() => setChoosing(true)}>Choose a version</Button>
        {picker}
      </EmptyState>
    );
  }
  return (
    <div className={styles.diff}>
      <div className={styles.header}>
        <h2>
          {order === null ? "What changed" : `What changed from ${order.from} to ${order.to}`}
        </h2>
        <Button onClick={() => setChoosing(true)}>Compare with another version</Button>
      </div>
      {picker}
      {failed !== undefined ? (
        <ErrorCard
          error={failed.error}
          title={`${version.version} and ${other} could not be compared`}
          onRetry={failed.refetch}
        />
      ) : diff.data === undefined ? (
        <SkeletonRows count={8} label="Comparing the versions" />
      ) : (
        <Diff address={address} diff={diff.data} />
      )}
    </div>
  );
}

function orderByAge(a: Version, b: Version | undefined): { from: string; to: string } | null {
  if (b === undefined) return null;
  const [before, after] = a.index < b.index ? [a, b] : [b, a];
  return { from: before.version, to: after.version };
}

function Diff({ address, diff }: { address: VersionAddress; diff: VersionDiff }) {
  return (
    <>
      <div className={styles.sides}>
        <Side title="Before" address={address} head={diff.from} />
        <Side title="After" address={address} head={diff.to} />
      </div>
      <CausesSection causes={diff.causes} />
      <FileChangesCard files={diff.files} />
      <TableChangesCard
        address={address}
        from={diff.from.version}
        to={diff.to.version}
        files={diff.files}
      />
      <ValueChangesCard
        title="Metadata"
        changes={
          diff.description === null
            ? diff.metadata
            : [{ ...diff.description, key: "description" }, ...diff.metadata]
        }
        empty="The metadata is the same."
      />
    </>
  );
}

interface SideProps {
  title: string;
  address: VersionAddress;
  head: VersionDiff["from"];
}

function Side({ title, address, head }: SideProps): ReactNode {
  return (
    <section className={styles.side} aria-label={title}>
      <h3>{title}</h3>
      <span className={styles.sideName}>
        <VersionName address={address} version={head.version} />
        <AliasChips aliases={head.aliases} shownMax={3} />
      </span>
      <span className={styles.faint}>
        logged <TimeAgo us={head.created_at_us} />
      </span>
    </section>
  );
}

function VersionName({ address, version }: { address: VersionAddress; version: string }) {
  return <Link to={versionPath({ ...address, version })}>{version}</Link>;
}

import { Link } from "react-router";
import type { BisectStep } from "~/api/types";
import { ErrorCard } from "~/ui/ErrorCard";
import { type VersionAddress, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import styles from "./BisectTab.module.css";
import { type Break, explainNoBreak, findBreak, nextToTry, type Rule } from "./bisectModel";
import { CausesSection } from "./DiffCauses";
import { useDiff } from "./queries";

interface BisectFindingProps {
  address: VersionAddress;
  metric: string;
  steps: readonly BisectStep[];
  rule: Rule;
  hasMore: boolean;
}

/** Between which two versions the metric broke, and what changed there. */
export function BisectFinding({ address, metric, steps, rule, hasMore }: BisectFindingProps) {
  const found = findBreak(steps, rule);
  return (
    <section className={styles.finding} aria-label="Where it broke">
      {found === null ? (
        <p role="status">{explainNoBreak(steps, rule, hasMore)}</p>
      ) : (
        <>
          <p role="status" className={styles.told}>
            {tell(found, metric)}
          </p>
          <BreakCauses address={address} found={found} />
        </>
      )}
    </section>
  );
}

function tell(found: Break, metric: string): string {
  const { good, bad, between, fixed } = found;
  const [from, to] = [good.version.version, bad.version.version];
  const next = nextToTry(found)?.version.version;
  const what =
    next === undefined
      ? `${metric} broke at ${to}: it is the first bad version after ${from}.`
      : `${metric} broke between ${from} and ${to}. ${countOf(between.length)} not marked: look at ${next} next.`;
  return fixed === null ? what : `${what} It is good again since ${fixed.version.version}.`;
}

function countOf(count: number): string {
  return count === 1
    ? "The version between them is"
    : `${count.toLocaleString("en-US")} versions between them are`;
}

function BreakCauses({ address, found }: { address: VersionAddress; found: Break }) {
  const [from, to] = [found.good.version.version, found.bad.version.version];
  const diff = useDiff(address, { from, to });
  return (
    <>
      <Link to={`${versionPath({ ...address, version: to }, "diff")}?to=${from}`}>
        Compare {from} and {to} in full
      </Link>
      {diff.isPending && <SkeletonRows count={4} label="Comparing the versions" />}
      {diff.isError && (
        <ErrorCard
          error={diff.error}
          title={`${from} and ${to} could not be compared`}
          onRetry={diff.refetch}
        />
      )}
      {diff.data !== undefined && <CausesSection causes={diff.data.causes} />}
    </>
  );
}

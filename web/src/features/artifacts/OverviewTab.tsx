import { Link } from "react-router";
import { useCanEdit } from "~/api/session";
import type { Version } from "~/api/types";
import { AliasChips } from "~/ui/AliasChips";
import { Button } from "~/ui/Button";
import { Card } from "~/ui/Card";
import { ChipEditor } from "~/ui/ChipEditor";
import { CopyButton } from "~/ui/CopyButton";
import { formatTime } from "~/ui/format";
import { type VersionAddress, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import { TextCard } from "~/ui/TextCard";
import { Bytes, TimeAgo } from "~/ui/values";
import { EventList } from "./EventList";
import { Fact, Facts } from "./Facts";
import styles from "./OverviewTab.module.css";
import { joinPages, useUsedBy, useVersionEvents } from "./queries";
import { RunLink } from "./RunLink";
import { TtlFact } from "./TtlFact";
import { useEditVersion } from "./useEditVersion";

interface OverviewTabProps {
  address: VersionAddress;
  version: Version;
}

const ALIAS_CHARS_MAX = 128;

export function OverviewTab({ address, version }: OverviewTabProps) {
  const canEdit = useCanEdit(address.entity);
  const edit = useEditVersion(address, version);
  const events = useVersionEvents(address);
  return (
    <div className={styles.overview}>
      <div className={styles.column}>
        <TextCard
          title="Description"
          text={version.description ?? ""}
          invitation="What is in this version? Describe it."
          isReadOnly={!canEdit}
          onSave={edit.describe}
        />
        <Card title="About this version">
          <Facts>
            <Fact name="Aliases">
              <ChipEditor
                noun="alias"
                plural="aliases"
                values={version.aliases}
                // The server moves it with each new version.
                fixed={["latest"]}
                isReadOnly={!canEdit}
                charsMax={ALIAS_CHARS_MAX}
                onChange={edit.setAliases}
              />
            </Fact>
            <Fact name="Tags">
              <ChipEditor
                noun="tag"
                values={version.tags}
                isReadOnly={!canEdit}
                onChange={edit.setTags}
              />
            </Fact>
            <Fact name="Size">
              <Bytes value={version.size_bytes} /> in{" "}
              <Link to={versionPath(address, "files")}>
                {version.file_count === 1
                  ? "1 file"
                  : `${version.file_count.toLocaleString("en-US")} files`}
              </Link>
            </Fact>
            <Fact name="Digest">
              <span className={styles.copyable}>
                <code title={version.digest_algorithm}>{version.digest}</code>
                <CopyButton text={version.digest} label="Copy the digest" />
              </span>
            </Fact>
            <TtlFact version={version} canEdit={canEdit} onChange={edit.setTtl} />
            <Fact name="Logged">
              {formatTime(version.created_at_us)}
              {version.created_by_user !== null && ` by ${version.created_by_user}`}
            </Fact>
            {version.created_by_run !== null && (
              <Fact name="By run">
                <RunLink run={version.created_by_run} withState />
                {version.history_step !== null &&
                  ` at step ${version.history_step.toLocaleString("en-US")}`}
              </Fact>
            )}
            {version.kind === "portfolio" && (
              <Fact name="Linked from">
                <Link to={versionPath({ ...version.source, type: version.type })}>
                  {version.source.entity}/{version.source.project}/{version.source.name}:
                  {version.source.version}
                </Link>
              </Fact>
            )}
            <Fact name="Id">
              <span className={styles.copyable}>
                <code>{version.id}</code>
                <CopyButton text={version.id} label="Copy the id" />
              </span>
            </Fact>
          </Facts>
        </Card>
      </div>
      <div className={styles.column}>
        <UsedByCard address={address} />
        {version.links.length > 0 && <LinksCard version={version} />}
        <Card title="History">
          <EventList events={events} empty="Nothing has happened to it since it was logged." />
        </Card>
      </div>
    </div>
  );
}

function UsedByCard({ address }: { address: VersionAddress }) {
  const runs = useUsedBy(address);
  const { items, total } = joinPages(runs.data);
  return (
    <Card title="Used by" count={total}>
      {runs.isPending && (
        <div className={styles.padded}>
          <SkeletonRows count={2} label="Loading the runs that used it" />
        </div>
      )}
      {runs.isError && items.length === 0 && (
        <div className={styles.padded} role="alert">
          <p>The runs could not be read: {runs.error.message}</p>
          <Button onClick={() => runs.refetch()}>Retry</Button>
        </div>
      )}
      {runs.isSuccess && items.length === 0 && (
        <p className={styles.none}>
          No run has used this version.{" "}
          <Link to={versionPath(address, "usage")}>How to use it</Link>
        </p>
      )}
      <ul className={styles.rows} aria-label="Runs that used it">
        {items.map((run) => (
          <li key={`${run.entity}/${run.project}/${run.name}`}>
            <RunLink run={run} withState />
            <span className={styles.end}>
              {run.job_type !== null && <span>{run.job_type}</span>}
              <TimeAgo us={run.created_at_us} />
            </span>
          </li>
        ))}
      </ul>
      {runs.hasNextPage && (
        <div className={styles.more}>
          <Button
            look="ghost"
            isBusy={runs.isFetchingNextPage}
            onClick={() => runs.fetchNextPage()}
          >
            Show more runs
          </Button>
        </div>
      )}
    </Card>
  );
}

function LinksCard({ version }: { version: Version }) {
  return (
    <Card title="Linked to" count={version.links.length}>
      <ul className={styles.rows} aria-label="Links to it">
        {version.links.map((link) => (
          <li key={`${link.entity}/${link.project}/${link.name}:${link.version}`}>
            <Link
              className={styles.linkName}
              to={versionPath({ ...link, type: version.type })}
              title={`${link.entity}/${link.project}/${link.name}:${link.version}`}
            >
              {link.project}/{link.name}:{link.version}
            </Link>
            <span className={styles.end}>
              <AliasChips aliases={link.aliases} shownMax={3} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

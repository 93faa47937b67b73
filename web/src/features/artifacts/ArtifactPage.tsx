import { lazy, Suspense } from "react";
import { Navigate, useParams } from "react-router";
import { ApiError } from "~/api/client";
import type { Version } from "~/api/types";
import { LinkButton } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { PageTitle } from "~/ui/PageTitle";
import { type ArtifactTab, artifactsPath, type VersionAddress, versionPath } from "~/ui/paths";
import { Skeleton, SkeletonRows } from "~/ui/Skeleton";
import { Tabs } from "~/ui/Tabs";
import { ArtifactHeader } from "./ArtifactHeader";
import styles from "./ArtifactPage.module.css";
import { OverviewTab } from "./OverviewTab";
import { useVersion } from "./queries";
import { VersionRail } from "./VersionRail";

const VersionsTab = lazy(() => import("./VersionsTab"));
const FilesTab = lazy(() => import("./FilesTab"));
const LineageTab = lazy(() => import("./LineageTab"));
const UsageTab = lazy(() => import("./UsageTab"));
const MetadataTab = lazy(() => import("./MetadataTab"));
const DiffTab = lazy(() => import("./DiffTab"));
const BisectTab = lazy(() => import("./BisectTab"));

const TABS: readonly { tab: ArtifactTab; label: string }[] = [
  { tab: "overview", label: "Overview" },
  { tab: "versions", label: "Versions" },
  { tab: "files", label: "Files" },
  { tab: "lineage", label: "Lineage" },
  { tab: "usage", label: "Usage" },
  { tab: "metadata", label: "Metadata" },
  { tab: "diff", label: "Compare" },
  { tab: "bisect", label: "Bisect" },
];

/** One version of an artifact, by number or alias, beside the others of its collection. */
export default function ArtifactPage() {
  const { entity = "", project = "", type = "", name = "", version = "", tab = "" } = useParams();
  const address = { entity, project, type, name, version };
  const detail = useVersion(address);

  if (!isTab(tab)) return <Navigate to={versionPath(address)} replace />;
  if (detail.data !== undefined) {
    return <VersionView address={address} tab={tab} version={detail.data} />;
  }
  if (detail.isPending) return <ArtifactSkeleton />;
  if (detail.error instanceof ApiError && detail.error.status === 404) {
    return (
      <EmptyState
        level={1}
        icon="search"
        title="There is no such version here"
        text={`${name}:${version} was deleted or never logged to ${entity}/${project}, or you may not see it. What was deleted of late is in the trash.`}
      >
        <LinkButton to={artifactsPath(entity, project)}>Go to the artifacts</LinkButton>
      </EmptyState>
    );
  }
  return (
    <ErrorCard
      error={detail.error}
      title="This version could not be read"
      onRetry={detail.refetch}
    />
  );
}

interface VersionViewProps {
  address: VersionAddress;
  tab: ArtifactTab;
  version: Version;
}

function VersionView({ address, tab, version }: VersionViewProps) {
  const { entity, project, type, name } = address;
  // A type in the link that is not (or no longer) the artifact's.
  if (version.type !== type) {
    return <Navigate to={versionPath({ ...address, type: version.type }, tab)} replace />;
  }
  return (
    <div className={styles.page}>
      <PageTitle title={`${name}:${version.version} · ${project}`} />
      <div className={styles.top}>
        <ArtifactHeader address={address} version={version} />
        <Tabs
          label="Views of the version"
          tabs={TABS.map((each) => ({ to: versionPath(address, each.tab), label: each.label }))}
        />
      </div>
      <div className={styles.body}>
        <VersionRail
          place={{ entity, project, name }}
          type={type}
          tab={tab}
          current={version.version}
        />
        <div className={styles.content}>
          <Suspense fallback={<TabLoading />}>
            <TabContent tab={tab} address={address} version={version} />
          </Suspense>
        </div>
      </div>
    </div>
  );
}

function TabContent({ tab, address, version }: VersionViewProps) {
  // Signed addresses and pages of one version mean nothing for the next.
  const key = `${version.id} ${version.version}`;
  switch (tab) {
    case "overview":
      return <OverviewTab key={key} address={address} version={version} />;
    case "versions":
      return <VersionsTab address={address} version={version} />;
    case "files":
      return <FilesTab key={key} address={address} version={version} />;
    case "lineage":
      return <LineageTab key={key} address={address} />;
    case "usage":
      return <UsageTab address={address} version={version} />;
    case "metadata":
      return <MetadataTab version={version} />;
    case "diff":
      return <DiffTab address={address} version={version} />;
    case "bisect":
      return <BisectTab address={address} version={version} />;
  }
}

function isTab(text: string): text is ArtifactTab {
  return TABS.some(({ tab }) => tab === text);
}

function TabLoading() {
  return (
    <div className={styles.loading}>
      <SkeletonRows count={8} label="Loading" />
    </div>
  );
}

function ArtifactSkeleton() {
  return (
    <div className={styles.page}>
      <div className={styles.top}>
        <div className={styles.headerSkeleton}>
          <Skeleton width={280} height={20} />
          <Skeleton width={420} />
        </div>
      </div>
      <div className={styles.loading}>
        <SkeletonRows count={10} label="Loading the version" />
      </div>
    </div>
  );
}

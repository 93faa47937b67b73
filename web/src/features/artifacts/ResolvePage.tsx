import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation, useParams } from "react-router";
import { ApiError } from "~/api/client";
import { ErrorCard } from "~/ui/ErrorCard";
import { artifactsPath, versionPath } from "~/ui/paths";
import { SkeletonRows } from "~/ui/Skeleton";
import styles from "./ArtifactPage.module.css";
import { collectionQuery } from "./queries";

/**
 * Shorter addresses than a page has, as people and the official client write them: TYPE, NAME, TYPE/NAME, NAME/VERSION
 * and TYPE/NAME/VERSION all lead to a page.
 */
export default function ResolvePage() {
  const { entity = "", project = "", first = "", second, third } = useParams();
  const { search, hash } = useLocation();
  const place = { entity, project };
  const isWhole = second !== undefined && third !== undefined;
  const last = useQuery({
    ...collectionQuery({ ...place, name: second ?? first }),
    enabled: !isWhole,
  });
  const other = useQuery({
    ...collectionQuery({ ...place, name: first }),
    enabled: second !== undefined && third === undefined && isMissing(last.error),
  });

  const go = (path: string) => <Navigate to={path + search + hash} replace />;
  if (isWhole) {
    return go(versionPath({ ...place, type: first, name: second, version: third }));
  }
  if (last.data !== undefined) {
    const version = last.data.latest?.version ?? "latest";
    return go(versionPath({ ...last.data, version }));
  }
  if (second !== undefined && other.data !== undefined) {
    return go(versionPath({ ...other.data, version: second }));
  }
  if (isMissing(last.error) && (second === undefined || isMissing(other.error))) {
    return (
      <Navigate
        to={`${artifactsPath(entity, project)}?type=${encodeURIComponent(first)}`}
        replace
      />
    );
  }
  const failed = [last, other].find((query) => query.isError && !isMissing(query.error));
  if (failed !== undefined) {
    return (
      <ErrorCard
        error={failed.error}
        title="The artifact could not be read"
        onRetry={failed.refetch}
      />
    );
  }
  return (
    <div className={styles.loading}>
      <SkeletonRows count={8} label="Looking for the artifact" />
    </div>
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

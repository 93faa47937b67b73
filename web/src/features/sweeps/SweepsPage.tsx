import { useParams } from "react-router";
import { ErrorCard } from "~/ui/ErrorCard";
import { PageTitle } from "~/ui/PageTitle";
import { SkeletonRows } from "~/ui/Skeleton";
import { useSweeps } from "./data";

/** All sweeps of a project, newest first. */
export function SweepsPage() {
  const { entity = "", project = "" } = useParams();
  const sweeps = useSweeps(entity, project, "");
  if (sweeps.isPending) return <SkeletonRows count={8} label="Loading the sweeps" />;
  if (sweeps.isError) {
    return (
      <ErrorCard
        error={sweeps.error}
        title="The sweeps could not be read"
        onRetry={sweeps.refetch}
      />
    );
  }
  return <PageTitle title={`Sweeps · ${project}`} />;
}

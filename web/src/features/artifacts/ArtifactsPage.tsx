import { useDeferredValue } from "react";
import { useParams } from "react-router";
import { useUrlState } from "~/core/useUrlState";
import { Button, LinkButton } from "~/ui/Button";
import { CodeBlock } from "~/ui/CodeBlock";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { SearchInput } from "~/ui/Input";
import { PageTitle } from "~/ui/PageTitle";
import { artifactTrashPath } from "~/ui/paths";
import { Select } from "~/ui/Select";
import { SkeletonRows } from "~/ui/Skeleton";
import styles from "./ArtifactsPage.module.css";
import { browserParams, SORTS } from "./artifactParams";
import { CollectionTable } from "./CollectionTable";
import { joinPages, type ProjectPlace, useCollections, useTypes } from "./queries";
import { TypeList } from "./TypeList";

/** All collections of a project, by type. */
export default function ArtifactsPage() {
  const { entity = "", project = "" } = useParams();
  const place = { entity, project };
  const { state, change, ignored } = useUrlState(browserParams);
  const types = useTypes(place);
  const q = useDeferredValue(state.q);
  const isEmpty = types.data?.items.every((type) => type.collection_count === 0) ?? false;

  return (
    <div className={styles.page}>
      <PageTitle title={`Artifacts · ${project}`} />
      <header className={styles.header}>
        <h1>Artifacts</h1>
        <LinkButton look="ghost" icon="trash" to={artifactTrashPath(entity, project)}>
          Trash
        </LinkButton>
      </header>
      <IgnoredParams ignored={ignored} />
      {types.isError && (
        <ErrorCard
          error={types.error}
          title="The artifacts could not be read"
          onRetry={types.refetch}
        />
      )}
      {types.isPending && <SkeletonRows count={8} label="Loading the artifacts" />}
      {types.isSuccess &&
        (isEmpty ? (
          <FirstArtifact {...place} />
        ) : (
          <div className={styles.columns}>
            <TypeList
              types={types.data.items}
              selected={state.type}
              onSelect={(type) => change({ type })}
            />
            <section className={styles.list} aria-label="Collections">
              <div className={styles.toolbar}>
                <SearchInput
                  className={styles.search}
                  label="Search by name"
                  value={state.q}
                  onText={(text) => change({ q: text })}
                />
                <Select
                  label="Sort by"
                  value={state.sort}
                  choices={SORTS}
                  onChoose={(sort) => change({ sort })}
                />
              </div>
              <Collections
                place={place}
                search={{ type: state.type, q, sort: state.sort }}
                onClear={() => change({ q: "", type: "" })}
              />
            </section>
          </div>
        ))}
    </div>
  );
}

interface CollectionsProps {
  place: ProjectPlace;
  search: Parameters<typeof useCollections>[1];
  onClear: () => void;
}

function Collections({ place, search, onClear }: CollectionsProps) {
  const collections = useCollections(place, search);
  const { items, total } = joinPages(collections.data);
  if (collections.isPending) return <SkeletonRows count={8} label="Loading the collections" />;
  if (collections.isError && items.length === 0) {
    return (
      <ErrorCard
        error={collections.error}
        title="The collections could not be read"
        onRetry={collections.refetch}
      />
    );
  }
  if (items.length === 0) {
    return (
      <EmptyState
        icon="search"
        title="No collection matches"
        text={`Nothing of ${search.type === "" ? "any type" : `type ${search.type}`} matches “${search.q}”.`}
      >
        <Button onClick={onClear}>Clear the search</Button>
      </EmptyState>
    );
  }
  return (
    <>
      <CollectionTable collections={items} />
      {collections.hasNextPage && (
        <div className={styles.more}>
          <Button
            isBusy={collections.isFetchingNextPage}
            onClick={() => collections.fetchNextPage()}
          >
            Show more of {total.toLocaleString("en-US")} collections
          </Button>
        </div>
      )}
    </>
  );
}

function FirstArtifact({ entity, project }: ProjectPlace) {
  const code = [
    "import wandb",
    "",
    `with wandb.init(entity=${JSON.stringify(entity)}, project=${JSON.stringify(project)}) as run:`,
    '    artifact = wandb.Artifact("training-data", type="dataset")',
    '    artifact.add_dir("data")',
    "    run.log_artifact(artifact)",
  ].join("\n");
  return (
    <EmptyState
      icon="box"
      title="No artifacts yet"
      text="Log a dataset, a model or any files from a run: each change becomes a version here, and equal files are stored once."
    >
      <CodeBlock code={code} label="Copy the script" />
    </EmptyState>
  );
}

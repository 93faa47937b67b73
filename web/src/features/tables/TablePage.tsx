import { lazy, Suspense, useState } from "react";
import { Link, useParams } from "react-router";
import type { Schema } from "~/core/urlState";
import { useUrlState } from "~/core/useUrlState";
import { CompareDialog } from "~/tables/CompareDialog";
import { type CompareState, compareParams } from "~/tables/compareState";
import { parseRef } from "~/tables/refs";
import { TableViewer } from "~/tables/TableViewer";
import { type TableState, tableParams } from "~/tables/tableState";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { Icon } from "~/ui/Icon";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { PageTitle } from "~/ui/PageTitle";
import { artifactsPath, runPath } from "~/ui/paths";
import { nameOf } from "~/ui/preview/fileContent";
import { SkeletonRows } from "~/ui/Skeleton";
import styles from "./TablePage.module.css";

const CompareView = lazy(() => import("~/tables/CompareView"));

const pageParams: Schema<TableState & CompareState> = { ...tableParams, ...compareParams };

/** A table on a page of its own, alone or beside another one. What is chosen is in the address. */
export default function TablePage() {
  const { entity = "", project = "", ref = "" } = useParams();
  return <OpenPage key={ref} tableRef={ref} entity={entity} project={project} />;
}

interface OpenPageProps {
  tableRef: string;
  entity: string;
  project: string;
}

function OpenPage({ tableRef, entity, project }: OpenPageProps) {
  const { state, change, ignored } = useUrlState(pageParams);
  const [isChoosing, setChoosing] = useState(false);
  const found = parseRef(tableRef);
  if (found === null) {
    return (
      <EmptyState
        level={1}
        icon="search"
        title="This address names no table"
        text="It should hold run:ENTITY/PROJECT/RUN/PATH or artifact:ENTITY/PROJECT/NAME:VERSION/PATH."
      />
    );
  }
  const isCompared = state.vs !== "";
  return (
    <div className={styles.page}>
      <PageTitle title={`${nameOf(found.path)} · ${project}`} />
      <header className={styles.header}>
        <Icon name="list" size={16} />
        <h1 title={found.path}>{nameOf(found.path)}</h1>
        <span className={styles.source}>
          {found.version === null ? (
            <>
              of the run{" "}
              <Link to={runPath({ ...found, run: found.name }, "files")}>{found.name}</Link>
            </>
          ) : (
            <>
              of{" "}
              <Link
                to={`${artifactsPath(found.entity, found.project)}/${encodeURIComponent(found.name)}/${encodeURIComponent(found.version)}`}
              >
                {found.name}:{found.version}
              </Link>
            </>
          )}
        </span>
        <span className={styles.actions}>
          {isCompared && (
            <Button look="ghost" icon="x" onClick={() => change({ vs: "", out: "" })}>
              Stop comparing
            </Button>
          )}
          <Button icon="compare" onClick={() => setChoosing(true)}>
            Compare
          </Button>
        </span>
      </header>
      <IgnoredParams ignored={ignored} />
      {isCompared ? (
        <Suspense fallback={<SkeletonRows count={12} label="Loading the comparison" />}>
          <CompareView left={tableRef} state={state} onChange={change} />
        </Suspense>
      ) : (
        <TableViewer
          tableRef={tableRef}
          label={nameOf(found.path)}
          state={state}
          onChange={change}
          place={{ entity, project }}
        />
      )}
      {isChoosing && (
        <CompareDialog
          tableRef={tableRef}
          entity={entity}
          project={project}
          onClose={() => setChoosing(false)}
          onChoose={(vs) => {
            setChoosing(false);
            change({ vs, out: "" });
          }}
        />
      )}
    </div>
  );
}

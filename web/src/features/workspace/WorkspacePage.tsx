import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useParams } from "react-router";
import { ApiError, pathOf, urlOf } from "~/api/client";
import type { RunRow } from "~/api/types";
import { BoardSkeleton } from "~/charts/BoardStates";
import { ChartControls, SidebarButton } from "~/charts/ChartControls";
import type { PanelRun } from "~/charts/lineModel";
import { PanelBoard } from "~/charts/PanelBoard";
import { ColorBook, getOwnSlot, getSlotStyle } from "~/core/color";
import { Highlight } from "~/core/highlight";
import { useLive } from "~/core/live";
import { useThrottledRefetch } from "~/core/useThrottledRefetch";
import { useUrlState } from "~/core/useUrlState";
import { useScheme } from "~/theme/theme";
import { IgnoredParams } from "~/ui/IgnoredParams";
import { useReportLive } from "~/ui/LiveDot";
import { useRunList } from "./queries";
import { RunSidebar } from "./RunSidebar";
import { useShortcuts } from "./useShortcuts";
import { listVisible } from "./visibility";
import styles from "./WorkspacePage.module.css";
import { workspaceParams } from "./workspaceParams";

// Only new projects show it.
const FirstRun = lazy(() => import("./FirstRun"));
// Below the lines, and for many projects nothing.
const MediaBoard = lazy(() => import("~/media/MediaBoard"));

export default function WorkspacePage() {
  const { entity = "", project = "" } = useParams();
  return <Workspace key={`${entity}/${project}`} entity={entity} project={project} />;
}

/** Runs on the left, their charts on the right. Everything chosen here is in the URL. */
function Workspace({ entity, project }: { entity: string; project: string }) {
  const { state, change, ignored } = useUrlState(workspaceParams);
  const list = useRunList({ entity, project, search: state.runs, sort: state.sort });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? rows.length;
  const [highlight] = useState(() => new Highlight());
  const [revision, setRevision] = useState(0);
  const refetchSoon = useThrottledRefetch(list.refetch, list.data?.pages.length ?? 1);

  const live = useLive(urlOf(`${pathOf("api", "v1", entity, project)}/live`), (event) => {
    refetchSoon();
    const isShown = event.runs === null || event.runs.some((name) => visible.has(name));
    if (isShown) setRevision((count) => count + 1);
  });
  useShortcuts({ "[": () => change({ list: !state.list }), "/": focusRunSearch });
  useEffect(() => {
    document.title = `${project} · ${entity} · Steelyard`;
  }, [entity, project]);

  const { show, hide, also, solo } = state;
  const visibleNames = useStableNames(
    useMemo(
      () =>
        listVisible(
          rows.map((row) => row.name),
          { show, hide, also, solo },
        ),
      [rows, show, hide, also, solo],
    ),
  );
  const visible = useMemo(() => new Set(visibleNames), [visibleNames]);
  const { runs, styleOf } = useRunStyles(rows, visibleNames);

  // A project that does not exist has nothing to be connected to: not a fault worth a warning.
  const isUnknown = list.error instanceof ApiError && list.error.status === 404;
  useReportLive(isUnknown ? "connecting" : live);
  const isEmpty = list.isSuccess && rows.length === 0 && state.runs === "";
  if (isUnknown || (isEmpty && !list.isPlaceholderData)) {
    return <FirstRun {...{ entity, project, isUnknown }} />;
  }
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">{project}</h1>
      {state.list && (
        <RunSidebar
          {...{ list, rows, total, visible, styleOf, highlight, state }}
          onChange={change}
        />
      )}
      <section className={styles.charts} aria-label="Charts">
        <div className={styles.toolbar}>
          <SidebarButton isOpen={state.list} onToggle={() => change({ list: !state.list })} />
          <ChartControls stream="history" {...{ entity, project, state }} onChange={change} />
        </div>
        <IgnoredParams ignored={ignored} />
        <div className={styles.scroller}>
          {list.isPending && (
            <div className={styles.loading}>
              <BoardSkeleton />
            </div>
          )}
          {list.isSuccess && (
            <PanelBoard
              {...{ entity, project, runs, highlight, revision }}
              stream="history"
              search={state.panels}
              axis={state.x}
              smoothing={state.smooth}
              isLog={state.y === "log"}
              hasBand={state.band}
              range={state.zoom}
              onRange={(zoom) => change({ zoom })}
              collapsed={state.closed}
              onCollapse={(closed) => change({ closed })}
              onClearSearch={() => change({ panels: "" })}
            />
          )}
          {list.isSuccess && (
            <Suspense>
              <MediaBoard
                {...{ entity, project, runs, revision }}
                search={state.panels}
                collapsed={state.closed}
                onCollapse={(closed) => change({ closed })}
              />
            </Suspense>
          )}
        </div>
      </section>
    </div>
  );
}

/** Colours of the visible runs, kept while others come and go. */
function useRunStyles(rows: readonly RunRow[], visibleNames: readonly string[]) {
  const scheme = useScheme();
  const [book] = useState(() => new ColorBook());
  const facts = rows.map(({ name, display_name, color }) => [name, display_name, color]);
  const factsText = JSON.stringify(facts);
  // Rows change with every live event; runs only with what is drawn of them, so charts stay as they are.
  const runs = useMemo<PanelRun[]>(() => {
    const known = new Map(
      (JSON.parse(factsText) as [string, string, string | null][]).map((fact) => [fact[0], fact]),
    );
    const styles = book.assign(
      visibleNames.map((name) => ({ name, color: known.get(name)?.[2] ?? null })),
      scheme,
    );
    return visibleNames.map((name) => {
      const style = styles.get(name) ?? getSlotStyle(getOwnSlot(name), scheme);
      return { name, displayName: known.get(name)?.[1] ?? name, ...style };
    });
  }, [book, factsText, visibleNames, scheme]);
  const styleOf = useCallback(
    (row: RunRow) => {
      const run = runs.find((other) => other.name === row.name);
      if (run !== undefined) return { color: run.color, dash: run.dash ?? [] };
      const own = getSlotStyle(getOwnSlot(row.name), scheme);
      return row.color ? { ...own, color: row.color } : own;
    },
    [runs, scheme],
  );
  return { runs, styleOf };
}

/** The same array while the names are the same. */
function useStableNames(names: readonly string[]): readonly string[] {
  const text = JSON.stringify(names);
  return useMemo(() => JSON.parse(text) as string[], [text]);
}

function focusRunSearch(): void {
  document.getElementById("run-search")?.focus();
}

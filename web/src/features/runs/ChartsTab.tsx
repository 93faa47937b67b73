import { lazy, Suspense, useMemo } from "react";
import type { RunDetail } from "../../api/types";
import { ChartControls } from "../../charts/ChartControls";
import { chartParams } from "../../charts/chartParams";
import { PanelBoard } from "../../charts/PanelBoard";
import { getOwnSlot, getSlotStyle } from "../../core/color";
import { useUrlState } from "../../core/useUrlState";
import { useScheme } from "../../theme/theme";
import { CodeBlock } from "../../ui/CodeBlock";
import { EmptyState } from "../../ui/EmptyState";
import { IgnoredParams } from "../../ui/IgnoredParams";
import type { RunRef } from "../../ui/paths";
import styles from "./ChartsTab.module.css";

// Many runs log numbers only.
const MediaBoard = lazy(() => import("../../media/MediaBoard"));

interface ChartsTabProps {
  runRef: RunRef;
  run: RunDetail;
  stream: "history" | "system";
  /** Counts what the server said changed; data on screen is then read again. */
  revision: number;
}

/** The board of the workspace with one run on it. */
export default function ChartsTab({ runRef, run, stream, revision }: ChartsTabProps) {
  const { entity, project } = runRef;
  const { state, change, ignored } = useUrlState(chartParams);
  const scheme = useScheme();
  const { name, display_name: displayName, color } = run;
  const runs = useMemo(() => {
    const style = getSlotStyle(getOwnSlot(name), scheme);
    return [{ name, displayName, ...style, ...(color ? { color } : {}) }];
  }, [name, displayName, color, scheme]);
  return (
    <div className={styles.charts}>
      <div className={styles.toolbar}>
        <ChartControls {...{ entity, project, stream, state }} onChange={change} />
      </div>
      <IgnoredParams ignored={ignored} />
      <div className={styles.scroller}>
        <PanelBoard
          {...{ entity, project, runs, stream, revision }}
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
          empty={<NoPanels stream={stream} isRunning={run.state === "running"} />}
        />
        {stream === "history" && (
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
    </div>
  );
}

function NoPanels({ stream, isRunning }: { stream: "history" | "system"; isRunning: boolean }) {
  if (stream === "system") {
    return (
      <EmptyState
        icon="chart"
        title={isRunning ? "Waiting for the first sample" : "No system metrics"}
        text={
          isRunning
            ? "The client samples CPU, memory and GPU every few seconds; charts appear by themselves."
            : "The client sends them every few seconds, so very short runs have none."
        }
      />
    );
  }
  return (
    <EmptyState
      icon="chart"
      title={isRunning ? "Waiting for the first point" : "This run logged no metrics"}
      text={isRunning ? "Charts appear here by themselves." : "Log numbers to see them as charts:"}
    >
      <CodeBlock code={'run.log({"loss": loss})'} />
    </EmptyState>
  );
}

import { useEffect, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { ApiError, urlOf } from "../../api/client";
import type { RunDetail } from "../../api/types";
import { switchParam, textParam } from "../../core/urlState";
import { useUrlState } from "../../core/useUrlState";
import { Button, IconButton } from "../../ui/Button";
import { CodeBlock } from "../../ui/CodeBlock";
import { EmptyState } from "../../ui/EmptyState";
import { Icon } from "../../ui/Icon";
import { SearchInput } from "../../ui/Input";
import type { RunRef } from "../../ui/paths";
import styles from "./LogsTab.module.css";
import { type LogScroller, LogView } from "./LogView";
import { findHit, formatHitCount, formatLineHash, parseLineHash } from "./logPlaces";
import { apiPath, useLogHits } from "./queries";

const logParams = { find: textParam(), times: switchParam(false) };

export function LogsTab({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const { state, change } = useUrlState(logParams);
  const { hash, search } = useLocation();
  const navigate = useNavigate();
  const scroller = useRef<LogScroller>(null);
  const hits = useLogHits(runRef, state.find);
  const selected = parseLineHash(hash);
  // A link to a line shows that line; every other visit starts at the end.
  const [isFollowing, setFollowing] = useState(selected === null);
  const lines = hits.data?.items ?? [];

  const select = (line: number) =>
    navigate({ search, hash: formatLineHash(line) }, { replace: true, preventScrollReset: true });
  const awaited = useRef<1 | -1 | null>(null);
  const goToHit = (direction: 1 | -1) => {
    // The search may still run, also behind the delay of typing: then the jump follows its answer.
    awaited.current = direction;
    if (!hits.isSuccess) return;
    awaited.current = null;
    const line = findHit(lines, selected ?? scroller.current?.getTopLine() ?? 0, direction);
    if (line === null) return;
    void select(line);
    scroller.current?.showLine(line);
  };
  const latestGo = useRef(goToHit);
  useEffect(() => {
    latestGo.current = goToHit;
  });
  useEffect(() => {
    if (hits.isSuccess && awaited.current !== null) latestGo.current(awaited.current);
  }, [hits.isSuccess]);
  useLogKeys((key) => {
    if (key === "n") goToHit(1);
    if (key === "N") goToHit(-1);
    if (key === "G") scroller.current?.showEnd();
  });

  if (run.log_line_count === 0) return <NoOutput isRunning={run.state === "running"} />;
  return (
    <div className={styles.logs}>
      <div className={styles.toolbar}>
        <SearchInput
          className={styles.search}
          label="Search the log, regex"
          value={state.find}
          aria-invalid={hits.isError || undefined}
          onText={(find) => change({ find })}
          onKeyDown={(event) => {
            if (event.key === "Enter") goToHit(event.shiftKey ? -1 : 1);
            if (event.key === "Escape") change({ find: "" });
          }}
        />
        {state.find !== "" && (
          <>
            <IconButton icon="chevronUp" label="Previous hit (N)" onClick={() => goToHit(-1)} />
            <IconButton icon="chevronDown" label="Next hit (n)" onClick={() => goToHit(1)} />
            <output className={styles.hits}>
              {hits.isError ? describe(hits.error) : formatHitCount(hits.data?.items, selected)}
            </output>
          </>
        )}
        <div className={styles.end}>
          <output className={styles.total}>
            {run.log_line_count.toLocaleString("en-US")} lines
          </output>
          <Button
            look="ghost"
            aria-pressed={state.times}
            onClick={() => change({ times: !state.times })}
          >
            Times
          </Button>
          <Button
            look="ghost"
            icon="arrowDown"
            aria-pressed={isFollowing}
            title="Keep the newest line in view (G)"
            onClick={() => scroller.current?.showEnd()}
          >
            {isFollowing && run.state === "running" ? "Following" : "To the end"}
          </Button>
          <a
            className={styles.raw}
            href={urlOf(`${apiPath(runRef)}/logs:raw`)}
            download={`${run.name}.log`}
          >
            <Icon name="download" size={14} />
            Raw
          </a>
        </div>
      </div>
      <LogView
        ref={scroller}
        runRef={runRef}
        lineCount={run.log_line_count}
        selected={selected}
        find={state.find}
        withTimes={state.times}
        isFollowing={isFollowing}
        onFollow={setFollowing}
        onSelect={select}
      />
    </div>
  );
}

function NoOutput({ isRunning }: { isRunning: boolean }) {
  return (
    <EmptyState
      icon="list"
      title={isRunning ? "Waiting for the first line" : "This run printed nothing"}
      text={
        isRunning
          ? "What the script prints appears here by itself."
          : "What a script prints is kept when the capture of its console is on:"
      }
    >
      {!isRunning && <CodeBlock code={'wandb.init(settings=wandb.Settings(console="auto"))'} />}
    </EmptyState>
  );
}

/** Single letters, while nothing is being typed. */
function useLogKeys(onKey: (key: string) => void): void {
  const latest = useRef(onKey);
  useEffect(() => {
    latest.current = onKey;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLElement && event.target.closest("input, textarea, [role=menu]");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      latest.current(event.key);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}

function describe(error: Error): string {
  return error instanceof ApiError && error.status === 400 ? "not a valid regex" : error.message;
}

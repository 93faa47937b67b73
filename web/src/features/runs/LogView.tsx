import { useQueries } from "@tanstack/react-query";
import {
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { LogLine } from "../../api/types";
import { ErrorCard } from "../../ui/ErrorCard";
import type { RunRef } from "../../ui/paths";
import { LogRow } from "./LogRow";
import styles from "./LogView.module.css";
import { contentHeight, LINE_PX, scrollTopFor, windowAt } from "./lineWindow";
import { compileFind } from "./logMarks";
import { LOG_PAGE_LINES, logPageQuery } from "./queries";

/** Closer to the end than this, growth is followed. */
const AT_END_PX = LINE_PX * 1.5;

export interface LogScroller {
  showLine: (line: number) => void;
  showEnd: () => void;
  getTopLine: () => number;
}

interface LogViewProps {
  ref: Ref<LogScroller>;
  runRef: RunRef;
  lineCount: number;
  selected: number | null;
  find: string;
  withTimes: boolean;
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
  onSelect: (line: number) => void;
}

/** A log of any length: only the lines on screen are asked for and in the page. */
export function LogView({
  ref,
  runRef,
  lineCount,
  selected,
  find,
  withTimes,
  isFollowing,
  onFollow,
  onSelect,
}: LogViewProps) {
  const element = useRef<HTMLElement>(null);
  const [view, setView] = useState({ scrollTop: 0, height: 0 });
  const shown = windowAt(view.scrollTop, view.height, lineCount);
  const { lines, error, retry } = useLogLines(runRef, shown.first, shown.stop);
  const pattern = useMemo(() => compileFind(find), [find]);
  const place = useRef({ lineCount, selected, top: shown.top });
  useLayoutEffect(() => {
    place.current = { lineCount, selected, top: shown.top };
  });

  const measure = useCallback(() => {
    const box = element.current;
    if (box !== null) setView({ scrollTop: box.scrollTop, height: box.clientHeight });
  }, []);
  const showEnd = useCallback(() => {
    const box = element.current;
    if (box === null) return;
    box.scrollTop = box.scrollHeight;
    onFollow(true);
    measure();
  }, [measure, onFollow]);
  const showLine = useCallback(
    (line: number) => {
      const box = element.current;
      if (box === null) return;
      box.scrollTop = scrollTopFor(line, box.clientHeight, place.current.lineCount);
      onFollow(false);
      measure();
    },
    [measure, onFollow],
  );
  useImperativeHandle(ref, () => ({ showLine, showEnd, getTopLine: () => place.current.top }));

  // The first view: the line of the link, else the end.
  useLayoutEffect(() => {
    const { selected: linked } = place.current;
    if (linked === null) showEnd();
    else showLine(linked);
    const box = element.current;
    if (box === null || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [measure, showEnd, showLine]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: growth is what this reacts to
  useEffect(() => {
    if (isFollowing) showEnd();
  }, [isFollowing, lineCount, showEnd]);

  const onScroll = () => {
    const box = element.current;
    if (box === null) return;
    measure();
    onFollow(box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX);
  };

  const numbers = Array.from({ length: shown.stop - shown.first }, (_, i) => shown.first + i);
  return (
    <section
      ref={element}
      className={styles.view}
      aria-label="Console output"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard
      tabIndex={0}
      onScroll={onScroll}
    >
      {error !== null && (
        <div className={styles.problem}>
          <ErrorCard error={error} title="Part of the log could not be read" onRetry={retry} />
        </div>
      )}
      <div className={styles.content} style={{ height: contentHeight(lineCount) }}>
        <div className={styles.lines} style={{ transform: `translateY(${shown.offsetPx}px)` }}>
          {numbers.map((number) => (
            <LogRow
              key={number}
              number={number}
              line={lines.get(number)}
              find={pattern}
              withTime={withTimes}
              isSelected={number === selected}
              numberWidth={String(lineCount).length}
              onSelect={onSelect}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

function useLogLines(runRef: RunRef, first: number, stop: number) {
  const from = Math.floor(first / LOG_PAGE_LINES);
  const to = Math.floor(Math.max(first, stop - 1) / LOG_PAGE_LINES);
  const pages = useQueries({
    queries: Array.from({ length: to - from + 1 }, (_, i) => logPageQuery(runRef, from + i)),
  });
  const lines = new Map<number, LogLine>();
  for (const page of pages) {
    for (const line of page.data?.items ?? []) lines.set(line.number, line);
  }
  const failed = pages.filter((page) => page.isError && page.data === undefined);
  return {
    lines,
    error: failed[0]?.error ?? null,
    retry: () => {
      for (const page of failed) void page.refetch();
    },
  };
}

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { LiveStatus } from "../core/live";
import { classes } from "./classes";
import styles from "./LiveDot.module.css";

const WORDS: Record<LiveStatus, { text: string; title: string }> = {
  live: { text: "live", title: "New data appears by itself" },
  connecting: { text: "connecting", title: "Opening the live connection" },
  reconnecting: {
    text: "reconnecting",
    title: "The live connection was lost; what is shown stays",
  },
  paused: { text: "paused", title: "Updates go on when this tab is shown" },
};

const StatusContext = createContext<LiveStatus | null>(null);
const ReportContext = createContext<(status: LiveStatus | null) => void>(() => {});

export function LiveStatusProvider({ children }: { children: ReactNode }) {
  const [status, setStatus] = useState<LiveStatus | null>(null);
  return (
    <ReportContext value={setStatus}>
      <StatusContext value={status}>{children}</StatusContext>
    </ReportContext>
  );
}

/** Shows the state of a page's live connection in the top bar for as long as the page is mounted. */
export function useReportLive(status: LiveStatus): void {
  const report = useContext(ReportContext);
  useEffect(() => {
    report(status);
    return () => report(null);
  }, [report, status]);
}

export function LiveDot() {
  const status = useContext(StatusContext);
  if (status === null) return null;
  const words = WORDS[status];
  return (
    <span className={classes(styles.live, styles[status])} role="status" title={words.title}>
      <span className={styles.dot} aria-hidden="true" />
      <span className={styles.text}>{words.text}</span>
    </span>
  );
}

import type { RunState } from "../api/types";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";
import styles from "./StatusDot.module.css";

interface Look {
  icon: IconName;
  tone: "running" | "ok" | "error" | "warn" | "quiet";
  label: string;
}

/** Each state has its own shape and word, so it is never told by colour alone. */
const LOOKS: Record<RunState, Look> = {
  running: { icon: "disc", tone: "running", label: "running" },
  finished: { icon: "check", tone: "ok", label: "finished" },
  failed: { icon: "x", tone: "error", label: "failed" },
  crashed: { icon: "warning", tone: "warn", label: "crashed" },
  killed: { icon: "stop", tone: "quiet", label: "killed" },
  preempting: { icon: "pause", tone: "warn", label: "preempting" },
  preempted: { icon: "pause", tone: "warn", label: "preempted" },
  pending: { icon: "dashes", tone: "quiet", label: "pending" },
};

export function StatusDot({ state, withLabel = false }: { state: RunState; withLabel?: boolean }) {
  const look = LOOKS[state] ?? { icon: "dashes", tone: "quiet", label: state };
  return (
    <span className={classes(styles.status, styles[look.tone])} title={look.label}>
      <Icon name={look.icon} size={12} />
      <span className={withLabel ? undefined : "visually-hidden"}>{look.label}</span>
    </span>
  );
}

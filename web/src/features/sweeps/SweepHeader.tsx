import { useState } from "react";
import type { SweepState } from "~/api/types";
import { countOf, formatValue } from "~/charts/format";
import { Button } from "~/ui/Button";
import { CopyButton } from "~/ui/CopyButton";
import { Icon } from "~/ui/Icon";
import { Menu, MenuItem } from "~/ui/Menu";
import { TimeAgo } from "~/ui/values";
import { ChangeStateDialog, type StateChange } from "./ChangeStateDialog";
import type { SweepDetail, SweepPlace } from "./data";
import { OutcomeList } from "./OutcomeList";
import { type OutcomeCounts, outcomesOfStates, SWEEP_LOOKS } from "./outcomes";
import styles from "./SweepHeader.module.css";

interface SweepHeaderProps {
  place: SweepPlace;
  sweep: SweepDetail;
  /** Of its trials; those of folds and seeds count once. */
  counts: OutcomeCounts;
  onEdit: () => void;
}

/** Which changes of state can follow which state. */
const CHANGES: Readonly<Record<SweepState, readonly StateChange[]>> = {
  pending: ["paused", "finished", "canceled"],
  running: ["paused", "finished", "canceled"],
  paused: ["running", "finished", "canceled"],
  finished: ["running"],
  canceled: ["running"],
};

export function titleOfSweep(sweep: Pick<SweepDetail, "display_name" | "config_name" | "name">) {
  return sweep.display_name ?? sweep.config_name ?? sweep.name;
}

export function SweepHeader({ place, sweep, counts, onEdit }: SweepHeaderProps) {
  const [asked, setAsked] = useState<StateChange | null>(null);
  const look = SWEEP_LOOKS[sweep.state];
  const running = outcomesOfStates(sweep.trial_counts);
  const [metric] = sweep.metrics;
  const changes = CHANGES[sweep.state];
  return (
    <header className={styles.header}>
      <div className={styles.line}>
        <h1 title={titleOfSweep(sweep)}>{titleOfSweep(sweep)}</h1>
        <span className={styles.state} data-tone={look.tone}>
          <Icon name={look.icon} size={12} />
          {look.label}
        </span>
        <div className={styles.actions}>
          {changes.includes("paused") && (
            <Button icon="pause" onClick={() => setAsked("paused")}>
              Pause
            </Button>
          )}
          {changes.includes("running") && (
            <Button icon="play" onClick={() => setAsked("running")}>
              Resume
            </Button>
          )}
          <Button icon="edit" onClick={onEdit}>
            Edit
          </Button>
          {changes.includes("canceled") && (
            <Menu
              align="end"
              trigger={
                <Button icon="stop" aria-label="End the sweep">
                  End
                </Button>
              }
            >
              <MenuItem icon="check" onSelect={() => setAsked("finished")}>
                Stop: let running trials end
              </MenuItem>
              <MenuItem icon="stop" isDanger onSelect={() => setAsked("canceled")}>
                Cancel: stop running trials, too
              </MenuItem>
            </Menu>
          )}
        </div>
      </div>
      <p className={styles.facts}>
        <span>
          <code>{sweep.name}</code>
          <CopyButton text={sweep.name} label="Copy the id of the sweep" />
        </span>
        <span>{sweep.method}</span>
        {metric !== undefined && (
          <span>
            {metric.goal} <strong>{metric.name}</strong>
            {metric.best !== null && metric.best !== undefined && (
              <>
                {" "}
                · best <strong>{formatValue(metric.best)}</strong>
              </>
            )}
          </span>
        )}
        <span>
          {sweep.agent_count.toLocaleString("en-US")} agent{sweep.agent_count === 1 ? "" : "s"}
        </span>
        <span>
          {sweep.username !== null && <>{sweep.username}, </>}
          <TimeAgo us={sweep.created_at_us} />
        </span>
        {sweep.config_version > 1 && <span>configuration {sweep.config_version}</span>}
      </p>
      <Progress sweep={sweep} />
      <OutcomeList counts={counts} label="Trials" />
      {sweep.exhausted_reason !== null && (
        <p className={styles.note}>
          <Icon name="info" size={14} /> Nothing is left to suggest: {sweep.exhausted_reason}
        </p>
      )}
      {sweep.warnings.length > 0 && (
        <details className={styles.warnings}>
          <summary>
            <Icon name="warning" size={14} /> {countOf(sweep.warnings.length, "remark")} about the
            configuration
          </summary>
          <ul>
            {sweep.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </details>
      )}
      <ChangeStateDialog
        place={place}
        change={asked}
        runningCount={running.running}
        waitingCount={running.waiting}
        onClose={() => setAsked(null)}
      />
    </header>
  );
}

function Progress({ sweep }: { sweep: SweepDetail }) {
  const limit = sweep.run_limit ?? sweep.run_count_expected;
  if (limit === null || limit === 0) return null;
  const done = sweep.trial_count;
  const share = Math.min(1, done / limit);
  const text = `${done.toLocaleString("en-US")} of ${limit.toLocaleString("en-US")} runs`;
  return (
    <div className={styles.progress}>
      <progress value={share} max={1} aria-label="Runs handed out">
        {text}
      </progress>
      <span>{text}</span>
    </div>
  );
}

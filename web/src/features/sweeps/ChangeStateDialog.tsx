import { useEffect } from "react";
import { countOf } from "~/charts/format";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import styles from "./ChangeStateDialog.module.css";
import { type SweepPlace, usePatchSweep } from "./data";

export type StateChange = "running" | "paused" | "finished" | "canceled";

interface Wording {
  title: string;
  action: string;
  text: (runningCount: number, waitingCount: number) => string;
  isDanger?: boolean;
}

const WORDS: Readonly<Record<StateChange, Wording>> = {
  running: {
    title: "Resume this sweep?",
    action: "Resume",
    text: () =>
      "Agents that ask get new trials again. Agents that have ended must be started anew.",
  },
  paused: {
    title: "Pause this sweep?",
    action: "Pause",
    text: (running) =>
      `No new trials are handed out. ${goOn(running)} Agents wait until the sweep is resumed.`,
  },
  finished: {
    title: "Stop this sweep?",
    action: "Stop",
    text: (running, waiting) =>
      `No new trials are handed out, and agents end. ${goOn(running)}${dropped(waiting)}`,
  },
  canceled: {
    title: "Cancel this sweep?",
    action: "Cancel the sweep",
    text: (running, waiting) =>
      `${running === 0 ? "No trial is running." : `${countOf(running, "running trial")} will be stopped now, with what they logged so far.`} Agents end.${dropped(waiting)}`,
    isDanger: true,
  },
};

function goOn(running: number): string {
  if (running === 0) return "No trial is running.";
  return running === 1
    ? "The running trial goes on to its end."
    : `The ${running.toLocaleString("en-US")} running trials go on to their end.`;
}

function dropped(waiting: number): string {
  return waiting === 0 ? "" : ` ${countOf(waiting, "trial")} that wait for an agent are dropped.`;
}

interface ChangeStateDialogProps {
  place: SweepPlace;
  /** null: closed. */
  change: StateChange | null;
  runningCount: number;
  waitingCount: number;
  onClose: () => void;
}

/** Asks first, and says what becomes of the trials that run. */
export function ChangeStateDialog(props: ChangeStateDialogProps) {
  const { place, change, runningCount, waitingCount, onClose } = props;
  const patch = usePatchSweep(place);
  const { reset } = patch;
  useEffect(() => {
    if (change === null) reset();
  }, [change, reset]);
  if (change === null) return null;
  const words = WORDS[change];
  return (
    <Dialog
      isOpen
      title={words.title}
      description={words.text(runningCount, waitingCount)}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose} autoFocus={words.isDanger}>
            Leave it
          </Button>
          <Button
            look={words.isDanger ? "danger" : "primary"}
            isBusy={patch.isPending}
            autoFocus={!words.isDanger}
            onClick={() => patch.mutate({ state: change }, { onSuccess: onClose })}
          >
            {words.action}
          </Button>
        </>
      }
    >
      {patch.isError && (
        <p className={styles.error} role="alert">
          {patch.error.message}
        </p>
      )}
    </Dialog>
  );
}

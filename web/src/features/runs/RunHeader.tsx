import { useState } from "react";
import { useNavigate } from "react-router";
import type { RunDetail } from "../../api/types";
import { countOf } from "../../charts/format";
import { Button, IconButton } from "../../ui/Button";
import { ChipEditor } from "../../ui/ChipEditor";
import { copyText } from "../../ui/clipboard";
import { ConfirmDialog } from "../../ui/Dialog";
import { Menu, MenuItem, MenuSeparator } from "../../ui/Menu";
import { projectPath, type RunRef } from "../../ui/paths";
import { RunSwatch } from "../../ui/RunSwatch";
import { StatusDot } from "../../ui/StatusDot";
import { useToast } from "../../ui/Toast";
import { Duration, RunningDuration, TimeAgo } from "../../ui/values";
import { EditableText } from "./EditableText";
import { useDeleteRun, useStopRun } from "./queries";
import styles from "./RunHeader.module.css";
import { useEditRun } from "./useEditRun";

export function RunHeader({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const edit = useEditRun(runRef, run);
  return (
    <header className={styles.header}>
      <div className={styles.title}>
        <RunSwatch run={run.name} color={run.color} />
        <EditableText
          as="h1"
          label="Name of the run"
          value={run.display_name}
          onSave={(name) => edit("display_name", name)}
        />
        <StatusDot state={run.state} withLabel />
        <div className={styles.actions}>
          {run.state === "running" && (
            <StopButton runRef={runRef} isStopping={run.stop_requested} />
          )}
          <RunMenu runRef={runRef} run={run} />
        </div>
      </div>
      <div className={styles.facts}>
        <code title="Id of the run">{run.name}</code>
        <span className={styles.fact}>
          {run.state === "running" ? (
            <RunningDuration sinceUs={run.created_at_us} />
          ) : (
            <Duration seconds={run.duration_s} />
          )}
        </span>
        <span className={styles.fact}>
          started <TimeAgo us={run.created_at_us} /> by {run.username}
        </span>
        {run.group !== null && run.group !== "" && (
          <span className={styles.fact}>group {run.group}</span>
        )}
        <ChipEditor noun="tag" values={run.tags} onChange={(tags) => edit("tags", tags)} />
      </div>
    </header>
  );
}

function StopButton({ runRef, isStopping }: { runRef: RunRef; isStopping: boolean }) {
  const stop = useStopRun(runRef);
  const toast = useToast();
  const ask = () =>
    stop.mutate(undefined, {
      onSuccess: () =>
        toast({ text: "Asked the run to stop. Its script ends with the next heartbeat." }),
      onError: (error) =>
        toast({ text: `Could not stop the run: ${error.message}`, tone: "error" }),
    });
  return (
    <Button icon="stop" isBusy={stop.isPending} onClick={ask} disabled={isStopping}>
      {isStopping ? "Stopping" : "Stop"}
    </Button>
  );
}

function RunMenu({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const [isAsking, setAsking] = useState(false);
  const deletion = useDeleteRun(runRef);
  const navigate = useNavigate();
  const toast = useToast();
  const copy = async (text: string, what: string) =>
    toast((await copyText(text)) ? { text: `${what} copied.` } : { text: "Copy failed." });
  const remove = () =>
    deletion.mutate(undefined, {
      onSuccess: () => {
        toast({ text: `Run ${run.display_name} was deleted.` });
        void navigate(projectPath(runRef.entity, runRef.project), { replace: true });
      },
    });
  return (
    <>
      <Menu align="end" trigger={<IconButton icon="more" label="More actions" />}>
        <MenuItem icon="link" onSelect={() => copy(location.href, "Link")}>
          Copy link
        </MenuItem>
        <MenuItem
          icon="copy"
          onSelect={() => copy(`${runRef.entity}/${runRef.project}/${runRef.run}`, "Path")}
        >
          Copy run path
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon="trash" isDanger onSelect={() => setAsking(true)}>
          Delete run
        </MenuItem>
      </Menu>
      <ConfirmDialog
        title="Delete this run?"
        description={
          <>
            <strong>{run.display_name}</strong> with its {countOf(run.history_row_count, "row")} of
            history, its log and its files will be gone. This cannot be undone.
          </>
        }
        action="Delete the run"
        isOpen={isAsking}
        isBusy={deletion.isPending}
        error={deletion.error?.message ?? null}
        onClose={() => {
          setAsking(false);
          deletion.reset();
        }}
        onConfirm={remove}
      />
    </>
  );
}

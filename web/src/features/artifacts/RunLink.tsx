import { Link } from "react-router";
import type { RunHead, RunState } from "~/api/types";
import { runPath } from "~/ui/paths";
import { RunSwatch } from "~/ui/RunSwatch";
import { StatusDot } from "~/ui/StatusDot";
import styles from "./RunLink.module.css";

/** A run by its name, with its colour and state. */
export function RunLink({ run, withState = false }: { run: RunHead; withState?: boolean }) {
  const { entity, project, name, display_name: displayName } = run;
  return (
    <span className={styles.run}>
      <RunSwatch run={name} />
      <Link to={runPath({ entity, project, run: name })} title={displayName}>
        {displayName}
      </Link>
      {withState && <StatusDot state={run.state as RunState} />}
    </span>
  );
}

import { Link } from "react-router";
import { readServerUrl } from "~/api/base";
import { CodeBlock } from "~/ui/CodeBlock";
import styles from "./FirstRun.module.css";

interface FirstRunProps {
  entity: string;
  project: string;
  /** The server knows no such project, or does not show it: it does not say which. */
  isUnknown?: boolean;
}

/** Shown until the project has its first run; the page then turns into the charts by itself. */
export default function FirstRun({ entity, project, isUnknown = false }: FirstRunProps) {
  return (
    <section className={styles.page} aria-labelledby="first-run">
      <h1 id="first-run">
        {isUnknown ? `No project ${entity}/${project} yet` : `Log the first run of ${project}`}
      </h1>
      {isUnknown && (
        <p>It is made by its first run. If it should be there, you may not be allowed to see it.</p>
      )}
      <p>
        Paste this into a terminal. The client asks for a key once:{" "}
        <Link to="/settings/keys">get a key</Link>.
      </p>
      <CodeBlock code={makeSnippet(entity, project)} label="Copy the commands" />
      <p className={styles.waiting} role="status">
        <span className={styles.pulse} aria-hidden="true" />
        Waiting for the first point
      </p>
    </section>
  );
}

function makeSnippet(entity: string, project: string): string {
  const python = [
    "import wandb",
    `run = wandb.init(entity=${JSON.stringify(entity)}, project=${JSON.stringify(project)})`,
    '[run.log({"loss": 1 / (step + 1)}) for step in range(100)]',
    "run.finish()",
  ].join("; ");
  return [
    "pip install wandb",
    `wandb login --host=${readServerUrl()}`,
    `python -c '${python.replaceAll("'", "'\\''")}'`,
  ].join("\n");
}

import { readServerUrl } from "../api/base";
import { LinkButton } from "./Button";
import { CodeBlock } from "./CodeBlock";
import styles from "./FirstSteps.module.css";

/** Three lines that put the first run on this server. */
export function FirstSteps({ project = "first-steps" }: { project?: string }) {
  const script =
    `import wandb; run = wandb.init(project='${project.replace(/['\\]/g, "\\$&")}'); ` +
    "[run.log({'loss': 1 / (step + 1)}) for step in range(100)]; run.finish()";
  const lines = [
    "pip install wandb",
    `wandb login --host ${readServerUrl()}`,
    `python -c "${script.replace(/["$`]/g, "\\$&")}"`,
  ];
  return (
    <div className={styles.steps}>
      <CodeBlock code={lines.join("\n")} label="Copy all three lines" />
      <p>
        The second line asks for an API key.
        <LinkButton to="/settings/keys" look="ghost" icon="key">
          Create an API key
        </LinkButton>
      </p>
    </div>
  );
}

import { readServerUrl } from "../../api/base";
import { CodeBlock } from "../../ui/CodeBlock";
import { CopyButton } from "../../ui/CopyButton";
import styles from "./NewKeyCard.module.css";

/** The only time a key is on screen. */
export function NewKeyCard({ apiKey }: { apiKey: string }) {
  return (
    <div className={styles.card}>
      <div className={styles.key}>
        <code data-testid="new-key">{apiKey}</code>
        <CopyButton text={apiKey} look="primary">
          Copy
        </CopyButton>
      </div>
      <p className={styles.label}>Or sign in from a shell, in one line:</p>
      <CodeBlock
        code={`wandb login --host ${readServerUrl()} ${apiKey}`}
        label="Copy the command"
      />
      <p className={styles.note}>
        Steelyard keeps only a fingerprint of the key. Lost it? Make another.
      </p>
    </div>
  );
}

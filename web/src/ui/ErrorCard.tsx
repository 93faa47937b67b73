import { ApiError } from "../api/client";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import styles from "./ErrorCard.module.css";
import { Icon } from "./Icon";

interface ErrorCardProps {
  error: unknown;
  /** What the page wanted to do, as "The runs could not be read". */
  title: string;
  onRetry?: () => void;
}

/** Says in place what failed, by its code, and what to do next. */
export function ErrorCard({ error, title, onRetry }: ErrorCardProps) {
  const problem = describe(error);
  return (
    <div className={styles.card} role="alert">
      <Icon name="warning" className={styles.icon} />
      <div className={styles.body}>
        <h2>{title}</h2>
        <p>{problem.message}</p>
        {problem.hint !== null && <p className={styles.hint}>{problem.hint}</p>}
        <div className={styles.actions}>
          {onRetry !== undefined && <Button onClick={onRetry}>Retry</Button>}
          <CopyButton
            look="ghost"
            text={[title, problem.code, problem.message, problem.hint, location.href]
              .filter((part) => part !== null)
              .join("\n")}
          >
            Copy details
          </CopyButton>
          <code>{problem.code}</code>
        </div>
      </div>
    </div>
  );
}

function describe(error: unknown): { message: string; code: string; hint: string | null } {
  if (error instanceof ApiError) {
    return { message: error.message, code: error.code, hint: error.hint };
  }
  return {
    message: error instanceof Error ? error.message : String(error),
    code: "page_error",
    hint: null,
  };
}

import type { ReactNode } from "react";
import styles from "./EmptyState.module.css";
import { Icon, type IconName } from "./Icon";

interface EmptyStateProps {
  icon?: IconName;
  title: string;
  /** 1 where this is all of the page. */
  level?: 1 | 2;
  /** Why it is empty. */
  text?: ReactNode;
  /** One snippet to copy or one button. */
  children?: ReactNode;
}

export function EmptyState({ icon, title, level = 2, text, children }: EmptyStateProps) {
  const Heading = level === 1 ? "h1" : "h2";
  return (
    <div className={styles.empty}>
      {icon !== undefined && (
        <span className={styles.icon}>
          <Icon name={icon} size={20} />
        </span>
      )}
      <Heading>{title}</Heading>
      {text !== undefined && <p>{text}</p>}
      {children !== undefined && <div className={styles.action}>{children}</div>}
    </div>
  );
}

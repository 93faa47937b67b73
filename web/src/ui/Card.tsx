import type { ReactNode } from "react";
import styles from "./Card.module.css";

export function Card({
  title,
  count,
  action,
  children,
}: {
  title: string;
  count?: number;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={styles.card} aria-label={title}>
      <header>
        <h2>
          {title}
          {count !== undefined && count > 0 && (
            <span className={styles.count}>{count.toLocaleString("en-US")}</span>
          )}
        </h2>
        {action}
      </header>
      {children}
    </section>
  );
}

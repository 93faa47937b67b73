import type { ReactNode } from "react";
import { Logo } from "../../ui/Logo";
import styles from "./EntryPage.module.css";

/** The pages before the app: one card in the middle. */
export function EntryPage({
  title,
  text,
  footer,
  children,
}: {
  title: string;
  text?: ReactNode;
  footer?: ReactNode;
  children: ReactNode;
}) {
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <header>
          <Logo size={36} />
          <h1>{title}</h1>
          {text !== undefined && <p>{text}</p>}
        </header>
        {children}
      </div>
      {footer !== undefined && <p className={styles.footer}>{footer}</p>}
    </main>
  );
}

import { NavLink } from "react-router";
import styles from "./Tabs.module.css";

export interface Tab {
  to: string;
  label: string;
  count?: number;
  /** Only the exact path is this tab. */
  isExact?: boolean;
}

/** Tabs that are pages: links, so each has its own address and opens in a new window. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav className={styles.tabs} aria-label={label}>
      {tabs.map((tab) => (
        <NavLink key={tab.to} to={tab.to} end={tab.isExact ?? false} className={styles.tab}>
          {tab.label}
          {tab.count !== undefined && tab.count > 0 && (
            <span className={styles.count}>{tab.count.toLocaleString()}</span>
          )}
        </NavLink>
      ))}
    </nav>
  );
}

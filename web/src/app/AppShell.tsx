import { Outlet, useNavigation } from "react-router";
import styles from "./AppShell.module.css";
import { TopBar } from "./TopBar";

/** The frame of every page of someone who is signed in. */
export function AppShell() {
  const { state } = useNavigation();
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to the page
      </a>
      <TopBar />
      {state === "loading" && <div className={styles.progress} aria-hidden="true" />}
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

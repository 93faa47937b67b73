import { Suspense } from "react";
import { Outlet, useLocation } from "react-router";
import styles from "./AppShell.module.css";
import { ErrorBoundary } from "./ErrorBoundary";
import { PageLoading } from "./PageLoading";
import { TopBar } from "./TopBar";

/** The frame of every page of someone who is signed in. */
export function AppShell() {
  const { pathname } = useLocation();
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to the page
      </a>
      <TopBar />
      <main id="main" className={styles.main} tabIndex={-1}>
        <ErrorBoundary resetKey={pathname}>
          <Suspense fallback={<PageLoading />}>
            <Outlet />
          </Suspense>
        </ErrorBoundary>
      </main>
    </div>
  );
}

import { SkeletonRows } from "../ui/Skeleton";
import styles from "./Page.module.css";

export function PageLoading() {
  return (
    <div className={styles.page}>
      <SkeletonRows count={8} label="Loading the page" />
    </div>
  );
}

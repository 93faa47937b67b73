import { countOf } from "../charts/format";
import styles from "./IgnoredParams.module.css";

/** Parameters of a link that this version does not understand are said, not dropped in silence. */
export function IgnoredParams({ ignored }: { ignored: readonly string[] }) {
  if (ignored.length === 0) return null;
  return (
    <p className={styles.ignored} role="status">
      {countOf(ignored.length, "part")} of this link ignored: {ignored.join(", ")}
    </p>
  );
}

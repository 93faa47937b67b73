import styles from "./AliasChips.module.css";

interface AliasChipsProps {
  aliases: readonly string[];
  /** The others become "+3", with their names in the title. */
  shownMax?: number;
}

export function AliasChips({ aliases, shownMax = Number.POSITIVE_INFINITY }: AliasChipsProps) {
  if (aliases.length === 0) return null;
  const rest = aliases.slice(shownMax);
  return (
    <span className={styles.chips}>
      {aliases.slice(0, shownMax).map((alias) => (
        <span
          key={alias}
          className={styles.chip}
          data-latest={alias === "latest" || undefined}
          title={alias}
        >
          {alias}
        </span>
      ))}
      {rest.length > 0 && (
        <span className={styles.rest} title={rest.join(", ")}>
          +{rest.length}
        </span>
      )}
    </span>
  );
}

import type { ArtifactType } from "~/api/types";
import { formatBytes } from "~/ui/format";
import styles from "./TypeList.module.css";

interface TypeListProps {
  types: readonly ArtifactType[];
  /** "" = all. */
  selected: string;
  onSelect: (type: string) => void;
}

/** The types with how many collections each has; one is chosen, or all. */
export function TypeList({ types, selected, onSelect }: TypeListProps) {
  const shown = types.filter((type) => type.collection_count > 0 || type.name === selected);
  const sum = (field: "collection_count" | "version_count" | "size_bytes") =>
    types.reduce((total, type) => total + type[field], 0);
  const all = {
    name: "",
    collection_count: sum("collection_count"),
    version_count: sum("version_count"),
    size_bytes: sum("size_bytes"),
  };
  return (
    <ul className={styles.types} aria-label="Types">
      {[all, ...shown].map((type) => (
        <li key={type.name}>
          <button
            type="button"
            aria-pressed={type.name === selected}
            title={`${type.version_count.toLocaleString("en-US")} versions, ${formatBytes(type.size_bytes)}`}
            onClick={() => onSelect(type.name)}
          >
            <span className={styles.name}>{type.name === "" ? "All types" : type.name}</span>{" "}
            <span className={styles.count}>{type.collection_count.toLocaleString("en-US")}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

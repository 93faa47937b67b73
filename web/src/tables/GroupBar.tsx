import { useState } from "react";
import type { Aggregate, TableColumn } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Select } from "../ui/Select";
import styles from "./FilterBar.module.css";
import { FUNCTIONS, titleOf } from "./tableState";

interface GroupBarProps {
  columns: readonly TableColumn[];
  group: readonly string[];
  aggregates: readonly Aggregate[];
  onGroup: (group: string[]) => void;
  onAggregate: (aggregates: Aggregate[]) => void;
}

const OF_NUMBERS: ReadonlySet<Aggregate["fn"]> = new Set(["sum", "mean", "std", "median"]);

/** By which columns the rows are put together, and what is computed of each group. */
export function GroupBar({ columns, group, aggregates, onGroup, onAggregate }: GroupBarProps) {
  const [fn, setFn] = useState<Aggregate["fn"]>("mean");
  const rest = columns.filter(({ name, type }) => type !== "media" && !group.includes(name));
  const possible = columns.filter(({ type }) =>
    OF_NUMBERS.has(fn) ? type === "number" : type !== "media" || fn === "count" || fn === "nulls",
  );
  return (
    <section className={styles.bar} aria-label="Groups">
      <div className={styles.form}>
        <span>Grouped by</span>
        <ul className={styles.chips} aria-label="Grouped by">
          {group.map((name) => (
            <Chip
              key={name}
              text={name}
              onRemove={() => onGroup(group.filter((g) => g !== name))}
            />
          ))}
        </ul>
        {rest.length > 0 && (
          <Select
            label="then by"
            value=""
            choices={[
              { value: "", label: "another column" },
              ...rest.map(({ name }) => ({ value: name, label: name })),
            ]}
            onChoose={(name) => name !== "" && onGroup([...group, name])}
          />
        )}
        <span>with</span>
        <ul className={styles.chips} aria-label="Computed of each group">
          {aggregates.map((each) => (
            <Chip
              key={titleOf(each)}
              text={titleOf(each)}
              onRemove={() => onAggregate(aggregates.filter((other) => other !== each))}
            />
          ))}
        </ul>
        <Select
          label="Add a function"
          isLabelHidden
          value={fn}
          choices={FUNCTIONS.map((value) => ({ value, label: value }))}
          onChoose={setFn}
        />
        <Select
          label="of"
          value=""
          choices={[
            { value: "", label: "a column" },
            ...possible.map(({ name }) => ({ value: name, label: name })),
          ]}
          onChoose={(column) => {
            const next = { fn, column };
            const isThere = aggregates.some((each) => titleOf(each) === titleOf(next));
            if (column !== "" && !isThere) onAggregate([...aggregates, next]);
          }}
        />
        <Button look="ghost" onClick={() => onGroup([])}>
          Show rows
        </Button>
      </div>
    </section>
  );
}

function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <li>
      <span className={styles.chip}>{text}</span>
      <button
        type="button"
        className={styles.remove}
        aria-label={`Remove ${text}`}
        onClick={onRemove}
      >
        <Icon name="x" size={10} />
      </button>
    </li>
  );
}

/** Leads from the rows of one group back to all groups. */
export function BackToGroups({
  from,
  onBack,
  onForget,
}: {
  from: readonly string[];
  onBack: () => void;
  onForget: () => void;
}) {
  return (
    <div className={styles.bar}>
      <div className={styles.form}>
        <Button icon="chevronLeft" onClick={onBack}>
          Back to the groups by {from.join(", ")}
        </Button>
        <IconButton icon="x" label="Stay with these rows" onClick={onForget} />
      </div>
    </div>
  );
}

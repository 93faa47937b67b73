import { classes } from "~/ui/classes";
import { Icon } from "~/ui/Icon";
import { OUTCOMES, type Outcome } from "./data";
import styles from "./OutcomeList.module.css";
import { OUTCOME_LOOKS, type OutcomeCounts } from "./outcomes";

interface OutcomeListProps {
  label: string;
  counts: OutcomeCounts;
  /** With `onHide` each is a switch. */
  hidden?: readonly Outcome[];
  onHide?: (hidden: readonly Outcome[]) => void;
}

/** How many trials came to which end, each counted by itself. */
export function OutcomeList({ label, counts, hidden = [], onHide }: OutcomeListProps) {
  const shown = OUTCOMES.filter((each) => counts[each] > 0 || hidden.includes(each));
  if (shown.length === 0) return null;
  return (
    <ul className={styles.list} aria-label={label}>
      {shown.map((outcome) => {
        const { label: name, icon, tone } = OUTCOME_LOOKS[outcome];
        const isHidden = hidden.includes(outcome);
        const content = (
          <>
            <Icon name={icon} size={12} />
            <span>
              {counts[outcome].toLocaleString("en-US")} {name}
            </span>
          </>
        );
        return (
          <li key={outcome} className={styles.item} data-tone={tone}>
            {onHide === undefined ? (
              content
            ) : (
              <button
                type="button"
                className={classes(styles.switch, isHidden && styles.off)}
                aria-pressed={!isHidden}
                title={
                  isHidden ? "Not counted. Click: count them" : "Counted. Click: leave them out"
                }
                onClick={() =>
                  onHide(
                    isHidden ? hidden.filter((each) => each !== outcome) : [...hidden, outcome],
                  )
                }
              >
                {content}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

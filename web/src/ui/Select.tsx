import { useId } from "react";
import styles from "./Select.module.css";

interface SelectProps<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; label: string }[];
  onChoose: (value: T) => void;
  /** The label is for screen readers only. */
  isLabelHidden?: boolean;
}

/** The browser's own choice of one, with its label before it. */
export function Select<T extends string>({
  label,
  value,
  choices,
  onChoose,
  isLabelHidden = false,
}: SelectProps<T>) {
  const id = useId();
  return (
    <span className={styles.field}>
      <label htmlFor={id} className={isLabelHidden ? "visually-hidden" : undefined}>
        {label}
      </label>
      <select
        id={id}
        className={styles.select}
        value={value}
        onChange={(event) => onChoose(event.currentTarget.value as T)}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </span>
  );
}

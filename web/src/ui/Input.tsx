import { type InputHTMLAttributes, type ReactNode, type Ref, useId } from "react";
import { classes } from "./classes";
import { Icon } from "./Icon";
import styles from "./Input.module.css";

interface InputProps extends InputHTMLAttributes<HTMLInputElement> {
  ref?: Ref<HTMLInputElement>;
}

export function Input({ className, ...rest }: InputProps) {
  return (
    <input
      className={classes(styles.input, className)}
      spellCheck={false}
      autoComplete="off"
      {...rest}
    />
  );
}

interface FieldProps extends InputProps {
  label: string;
  error?: string | null;
  help?: ReactNode;
}

/** A labelled input; its error is announced and tied to it. */
export function Field({ label, error = null, help, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <Input
        id={id}
        aria-invalid={error !== null || undefined}
        aria-describedby={error !== null || help !== undefined ? `${id}-note` : undefined}
        {...rest}
      />
      {error !== null ? (
        <p id={`${id}-note`} className={styles.error} role="alert">
          {error}
        </p>
      ) : (
        help !== undefined && (
          <p id={`${id}-note`} className={styles.help}>
            {help}
          </p>
        )
      )}
    </div>
  );
}

interface SearchInputProps extends Omit<InputProps, "type" | "aria-label" | "onChange"> {
  label: string;
  value: string;
  onText: (text: string) => void;
}

export function SearchInput({ label, value, onText, className, ...rest }: SearchInputProps) {
  return (
    <div className={classes(styles.search, className)}>
      <Icon name="search" size={14} />
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={(event) => onText(event.currentTarget.value)}
        {...rest}
      />
    </div>
  );
}

import { type KeyboardEvent, useRef, useState } from "react";
import styles from "./ChipEditor.module.css";
import { Icon } from "./Icon";

const CHIP_CHARS_MAX = 64;

interface ChipEditorProps {
  /** What one of them is called: "tag", "alias". */
  noun: string;
  plural?: string;
  values: readonly string[];
  /** Values that stay: they are set by the system. */
  fixed?: readonly string[];
  isReadOnly?: boolean;
  charsMax?: number;
  onChange: (values: string[]) => void;
}

/** Names as chips. Enter or a comma adds, the cross removes, Backspace in the empty field removes the last. */
export function ChipEditor({
  noun,
  plural = `${noun}s`,
  values,
  fixed = [],
  isReadOnly = false,
  charsMax = CHIP_CHARS_MAX,
  onChange,
}: ChipEditorProps) {
  const [isAdding, setAdding] = useState(false);
  const addButton = useRef<HTMLButtonElement>(null);

  const add = (text: string) => {
    const value = text.trim();
    if (value !== "" && !values.includes(value)) onChange([...values, value]);
  };
  const close = () => {
    setAdding(false);
    requestAnimationFrame(() => addButton.current?.focus());
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const field = event.currentTarget;
    const last = values.findLast((value) => !fixed.includes(value));
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      add(field.value);
      field.value = "";
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Backspace" && field.value === "" && last !== undefined) {
      onChange(values.filter((value) => value !== last));
    }
  };

  return (
    <div className={styles.tags}>
      <ul aria-label={plural.charAt(0).toUpperCase() + plural.slice(1)}>
        {values.map((value) => {
          const isFixed = isReadOnly || fixed.includes(value);
          return (
            <li key={value} data-fixed={isFixed || undefined}>
              <span title={value}>{value}</span>
              {!isFixed && (
                <button
                  type="button"
                  aria-label={`Remove ${noun} ${value}`}
                  onClick={() => onChange(values.filter((other) => other !== value))}
                >
                  <Icon name="x" size={10} />
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {isReadOnly ? (
        values.length === 0 && <span className={styles.none}>–</span>
      ) : isAdding ? (
        <input
          className={styles.input}
          aria-label={`New ${noun}`}
          placeholder={`new ${noun}`}
          maxLength={charsMax}
          // biome-ignore lint/a11y/noAutofocus: it replaces the button that was just pressed
          autoFocus
          onKeyDown={onKeyDown}
          onBlur={(event) => {
            add(event.currentTarget.value);
            setAdding(false);
          }}
        />
      ) : (
        <button
          ref={addButton}
          type="button"
          className={styles.add}
          onClick={() => setAdding(true)}
        >
          <Icon name="plus" size={12} />
          {values.length === 0 ? (
            `Add ${noun}`
          ) : (
            <span className="visually-hidden">{`Add ${noun}`}</span>
          )}
        </button>
      )}
    </div>
  );
}

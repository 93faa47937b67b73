import { type KeyboardEvent, useRef, useState } from "react";
import { Icon } from "../../ui/Icon";
import styles from "./TagEditor.module.css";

const TAG_CHARS_MAX = 64;

/** Tags as chips. Enter or a comma adds, the cross removes, Backspace in the empty field removes the last. */
export function TagEditor({
  tags,
  onChange,
}: {
  tags: readonly string[];
  onChange: (tags: string[]) => void;
}) {
  const [isAdding, setAdding] = useState(false);
  const addButton = useRef<HTMLButtonElement>(null);

  const add = (text: string) => {
    const tag = text.trim();
    if (tag !== "" && !tags.includes(tag)) onChange([...tags, tag]);
  };
  const close = () => {
    setAdding(false);
    requestAnimationFrame(() => addButton.current?.focus());
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const field = event.currentTarget;
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      add(field.value);
      field.value = "";
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Backspace" && field.value === "" && tags.length > 0) {
      onChange(tags.slice(0, -1));
    }
  };

  return (
    <div className={styles.tags}>
      <ul aria-label="Tags">
        {tags.map((tag) => (
          <li key={tag}>
            <span title={tag}>{tag}</span>
            <button
              type="button"
              aria-label={`Remove tag ${tag}`}
              onClick={() => onChange(tags.filter((other) => other !== tag))}
            >
              <Icon name="x" size={10} />
            </button>
          </li>
        ))}
      </ul>
      {isAdding ? (
        <input
          className={styles.input}
          aria-label="New tag"
          placeholder="new tag"
          maxLength={TAG_CHARS_MAX}
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
          {tags.length === 0 ? "Add tag" : <span className="visually-hidden">Add tag</span>}
        </button>
      )}
    </div>
  );
}

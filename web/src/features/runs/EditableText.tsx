import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { IconButton } from "../../ui/Button";
import { Input } from "../../ui/Input";
import styles from "./EditableText.module.css";

interface EditableTextProps {
  as: "h1";
  label: string;
  value: string;
  onSave: (value: string) => void;
}

/** A heading that becomes an input: Enter or leaving saves, Escape takes back, empty text changes nothing. */
export function EditableText({ as: Tag, label, value, onSave }: EditableTextProps) {
  const [isEditing, setEditing] = useState(false);
  const trigger = useRef<HTMLButtonElement>(null);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (!isEditing) return;
    input.current?.focus();
    input.current?.select();
  }, [isEditing]);

  const finish = (text: string | null) => {
    setEditing(false);
    const next = text?.trim() ?? "";
    if (next !== "" && next !== value) onSave(next);
    requestAnimationFrame(() => trigger.current?.focus({ preventScroll: true }));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter") finish(event.currentTarget.value);
    if (event.key === "Escape") finish(null);
  };

  if (isEditing) {
    return (
      <Input
        ref={input}
        className={styles.input}
        aria-label={label}
        defaultValue={value}
        maxLength={512}
        onKeyDown={onKeyDown}
        onBlur={(event) => isEditing && finish(event.currentTarget.value)}
      />
    );
  }
  return (
    <span className={styles.shown}>
      <Tag title={value} onDoubleClick={() => setEditing(true)}>
        {value}
      </Tag>
      <span className={styles.pencil}>
        <IconButton
          ref={trigger}
          icon="edit"
          label={`Edit: ${label}`}
          onClick={() => setEditing(true)}
        />
      </span>
    </span>
  );
}

import { type KeyboardEvent, useState } from "react";
import { Button, IconButton } from "./Button";
import { Card } from "./Card";
import styles from "./TextCard.module.css";

const CHARS_MAX = 20_000;

interface TextCardProps {
  title: string;
  text: string;
  /** Shown in the place of an empty text to those who may write one. */
  invitation: string;
  isReadOnly?: boolean;
  onSave: (text: string) => void;
}

/** A text as it was written, without markup; Ctrl or ⌘ with Enter saves, Escape takes back. */
export function TextCard({ title, text, invitation, isReadOnly = false, onSave }: TextCardProps) {
  const [draft, setDraft] = useState<string | null>(null);

  const save = () => {
    if (draft !== null && draft !== text) onSave(draft);
    setDraft(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    if (event.key === "Escape") setDraft(null);
  };

  return (
    <Card
      title={title}
      action={
        draft === null &&
        !isReadOnly && (
          <IconButton
            icon="edit"
            label={`Edit ${title.toLowerCase()}`}
            onClick={() => setDraft(text)}
          />
        )
      }
    >
      {draft !== null ? (
        <div className={styles.editor}>
          <textarea
            aria-label={title}
            rows={Math.min(14, Math.max(4, draft.split("\n").length + 1))}
            maxLength={CHARS_MAX}
            value={draft}
            // biome-ignore lint/a11y/noAutofocus: it replaces the button that was just pressed
            autoFocus
            onChange={(event) => setDraft(event.currentTarget.value)}
            onKeyDown={onKeyDown}
          />
          <div className={styles.actions}>
            <Button look="ghost" onClick={() => setDraft(null)}>
              Cancel
            </Button>
            <Button look="primary" onClick={save}>
              Save
            </Button>
          </div>
        </div>
      ) : text !== "" ? (
        <p className={styles.notes}>{text}</p>
      ) : isReadOnly ? (
        <p className={styles.empty}>None.</p>
      ) : (
        <button type="button" className={styles.none} onClick={() => setDraft("")}>
          {invitation}
        </button>
      )}
    </Card>
  );
}

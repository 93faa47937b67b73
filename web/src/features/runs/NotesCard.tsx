import { type KeyboardEvent, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Card } from "./Card";
import styles from "./NotesCard.module.css";

const NOTES_CHARS_MAX = 20_000;

/** Notes as plain text; Ctrl or ⌘ with Enter saves, Escape takes back. */
export function NotesCard({ notes, onSave }: { notes: string; onSave: (notes: string) => void }) {
  const [draft, setDraft] = useState<string | null>(null);

  const save = () => {
    if (draft !== null && draft !== notes) onSave(draft);
    setDraft(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    if (event.key === "Escape") setDraft(null);
  };

  return (
    <Card
      title="Notes"
      action={
        draft === null && (
          <IconButton icon="edit" label="Edit notes" onClick={() => setDraft(notes)} />
        )
      }
    >
      {draft !== null ? (
        <div className={styles.editor}>
          <textarea
            aria-label="Notes"
            rows={Math.min(14, Math.max(4, draft.split("\n").length + 1))}
            maxLength={NOTES_CHARS_MAX}
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
      ) : notes === "" ? (
        <button type="button" className={styles.none} onClick={() => setDraft("")}>
          What is this run about? Add a note.
        </button>
      ) : (
        <p className={styles.notes}>{notes}</p>
      )}
    </Card>
  );
}

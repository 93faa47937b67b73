import { type FormEvent, useState } from "react";
import type { Version } from "~/api/types";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { formatTime } from "~/ui/format";
import { Field } from "~/ui/Input";
import { Select } from "~/ui/Select";
import { Fact } from "./Facts";
import styles from "./TtlFact.module.css";

export const TTL_INHERIT = -1;
export const TTL_NEVER = -2;
const DAY_S = 86_400;
const DAYS_MAX = 36_500;
const DAYS_INITIAL = 30;

type Choice = "inherit" | "never" | "days";

const CHOICES = [
  { value: "inherit", label: "as the collection has it" },
  { value: "never", label: "never" },
  { value: "days", label: "after some days" },
] as const;

interface TtlFactProps {
  version: Version;
  canEdit: boolean;
  /** Seconds since it was logged, or TTL_INHERIT or TTL_NEVER. */
  onChange: (ttlS: number) => void;
}

/** When the version goes to the trash by itself. */
export function TtlFact({ version, canEdit, onChange }: TtlFactProps) {
  const [isEditing, setEditing] = useState(false);
  const { expires_at_us: expiresAtUs, ttl_is_inherited: isInherited } = version;
  return (
    <Fact name="Expires">
      <span className={styles.ttl}>
        <span>
          {expiresAtUs === null ? "never" : formatTime(expiresAtUs)}
          {isInherited && <span className={styles.from}> (as the collection has it)</span>}
        </span>
        {canEdit && (
          <Button look="ghost" onClick={() => setEditing(true)}>
            Change
          </Button>
        )}
      </span>
      {isEditing && (
        <TtlDialog
          version={version}
          onClose={() => setEditing(false)}
          onChoose={(ttlS) => {
            setEditing(false);
            onChange(ttlS);
          }}
        />
      )}
    </Fact>
  );
}

interface TtlDialogProps {
  version: Version;
  onClose: () => void;
  onChoose: (ttlS: number) => void;
}

function TtlDialog({ version, onClose, onChoose }: TtlDialogProps) {
  const { ttl_s: ttlS, ttl_is_inherited: isInherited } = version;
  const [choice, setChoice] = useState<Choice>(
    isInherited ? "inherit" : ttlS === null ? "never" : "days",
  );
  const [days, setDays] = useState(ttlS === null ? String(DAYS_INITIAL) : String(ttlS / DAY_S));
  const count = Number(days);
  const isDaysValid = days.trim() !== "" && count > 0 && count <= DAYS_MAX;
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (choice === "inherit") onChoose(TTL_INHERIT);
    else if (choice === "never") onChoose(TTL_NEVER);
    else if (isDaysValid) onChoose(Math.round(count * DAY_S));
  };
  return (
    <Dialog
      title={`When does ${version.version} expire?`}
      description="It goes to the trash then, counted from when it was logged."
      isOpen
      onClose={onClose}
    >
      <form className={styles.form} onSubmit={save}>
        <Select label="Expires" value={choice} choices={CHOICES} onChoose={setChoice} />
        {choice === "days" && (
          <Field
            label="Days"
            inputMode="decimal"
            value={days}
            error={isDaysValid ? null : `A number above 0 and up to ${DAYS_MAX}.`}
            onChange={(event) => setDays(event.currentTarget.value)}
          />
        )}
        <div className={styles.actions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit">
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

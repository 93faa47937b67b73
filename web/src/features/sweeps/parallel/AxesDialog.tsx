import { useState } from "react";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { SearchInput } from "~/ui/Input";
import { AXES_MAX, type AxisSource } from "./parallelModel";
import styles from "./RangeDialog.module.css";

interface AxesDialogProps {
  sources: readonly AxisSource[];
  /** Names of the axes that are shown, in order. */
  shown: readonly string[];
  onChange: (axes: readonly string[]) => void;
  onClose: () => void;
}

/** Which of all parameters, metrics and facts are axes. */
export function AxesDialog({ sources, shown, onChange, onClose }: AxesDialogProps) {
  const [search, setSearch] = useState("");
  const found = sources.filter(({ label }) => label.toLowerCase().includes(search.toLowerCase()));
  const toggle = (name: string) =>
    onChange(shown.includes(name) ? shown.filter((each) => each !== name) : [...shown, name]);
  return (
    <Dialog
      isOpen
      title="Axes"
      description={`${shown.length} of ${sources.length} are shown, ${AXES_MAX} can be.`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={() => onChange([])}>The usual ones</Button>
          <Button look="primary" onClick={onClose}>
            Done
          </Button>
        </>
      }
    >
      {sources.length > 12 && <SearchInput label="Search axes" value={search} onText={setSearch} />}
      <ul className={styles.values} aria-label="Axes to choose from">
        {found.map(({ name, label, group }) => {
          const isShown = shown.includes(name);
          return (
            <li key={name}>
              <label>
                <input
                  type="checkbox"
                  checked={isShown}
                  disabled={isShown ? shown.length === 1 : shown.length >= AXES_MAX}
                  onChange={() => toggle(name)}
                />
                {label}
                <small>{group === "parameter" ? "" : group === "metric" ? "metric" : "fact"}</small>
              </label>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}

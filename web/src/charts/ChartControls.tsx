import { useId } from "react";
import { Button, IconButton } from "~/ui/Button";
import { SearchInput } from "~/ui/Input";
import { AxisMenu } from "./AxisMenu";
import styles from "./ChartControls.module.css";
import { type ChartState, SMOOTHING_MAX } from "./chartParams";
import { toSearch } from "./panelQueries";

interface ChartControlsProps {
  state: ChartState;
  onChange: (patch: Partial<ChartState>) => void;
  entity: string;
  project: string;
  stream: "history" | "system";
}

/** The bar above a board: search, x axis, smoothing, y scale, band, and the way back from a zoom. */
export function ChartControls({ state, onChange, entity, project, stream }: ChartControlsProps) {
  const smoothId = useId();
  const problem = findSearchProblem(toSearch(state.panels));
  return (
    <div className={styles.bar}>
      <div className={styles.search}>
        <SearchInput
          label="Search panels"
          placeholder="Search panels, /regex/"
          value={state.panels}
          aria-invalid={problem !== null || undefined}
          title={problem ?? undefined}
          onText={(panels) => onChange({ panels })}
        />
      </div>
      <AxisMenu
        value={state.x}
        entity={entity}
        project={project}
        stream={stream}
        // Another unit on x: a zoom into steps means nothing in seconds.
        onChoose={(x) => onChange({ x, zoom: null })}
      />
      <div className={styles.smooth}>
        <label htmlFor={smoothId}>Smooth</label>
        <input
          id={smoothId}
          type="range"
          min={0}
          max={SMOOTHING_MAX}
          step={0.01}
          value={state.smooth}
          onChange={(event) => onChange({ smooth: Number(event.currentTarget.value) })}
          onDoubleClick={() => onChange({ smooth: 0 })}
        />
        <output htmlFor={smoothId}>{state.smooth.toFixed(2)}</output>
      </div>
      <Toggle
        label="Log y"
        isOn={state.y === "log"}
        onToggle={(isOn) => onChange({ y: isOn ? "log" : "linear" })}
      />
      <Toggle label="Min/max" isOn={state.band} onToggle={(band) => onChange({ band })} />
      {state.zoom !== null && (
        <Button look="ghost" icon="undo" onClick={() => onChange({ zoom: null })}>
          Reset zoom
        </Button>
      )}
    </div>
  );
}

export function SidebarButton({ isOpen, onToggle }: { isOpen: boolean; onToggle: () => void }) {
  return (
    <IconButton
      icon="sidebar"
      label={isOpen ? "Hide run list ( [ )" : "Show run list ( [ )"}
      aria-expanded={isOpen}
      onClick={onToggle}
    />
  );
}

interface ToggleProps {
  label: string;
  isOn: boolean;
  onToggle: (isOn: boolean) => void;
}

function Toggle({ label, isOn, onToggle }: ToggleProps) {
  return (
    <button
      type="button"
      className={styles.toggle}
      aria-pressed={isOn}
      onClick={() => onToggle(!isOn)}
    >
      {label}
    </button>
  );
}

/** Why `/…/` is not an expression, or null. The server has the last word; this one is instant. */
export function findSearchProblem(text: string): string | null {
  const inner = /^\/(.*)\/i?$/s.exec(text)?.[1];
  if (inner === undefined) return null;
  try {
    new RegExp(inner);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "not a regular expression";
  }
}

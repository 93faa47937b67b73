import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { IconButton } from "~/ui/Button";
import { classes } from "~/ui/classes";
import { Menu, MenuItem, MenuLabel, MenuSeparator } from "~/ui/Menu";
import type { TrialSelection } from "../selection";
import styles from "./ParallelCoordinates.module.css";
import type { Axis, AxisLayout } from "./parallelModel";

interface AxisHeadProps {
  axis: Axis;
  /** Which of `count` axes, and where it stands. */
  place: number;
  count: number;
  x: number;
  /** Between two axes, in pixels. */
  gap: number;
  layout: AxisLayout;
  selection: TrialSelection;
  onLayout: (layout: Partial<AxisLayout>) => void;
  onMove: (name: string, to: number) => void;
  onRemove: (name: string) => void;
  onRange: (axis: Axis) => void;
}

const DRAG_MIN_PX = 5;
const WIDTH_MAX = 180;
const CHAR_PX = 7;

/** The name of an axis: a click stretches it, a drag or an arrow key moves it, and its menu has everything. */
export function AxisHead(props: AxisHeadProps) {
  const { axis, place, count, x, gap, layout, selection, onLayout, onMove, onRemove, onRange } =
    props;
  const [shift, setShift] = useState(0);
  const start = useRef<number | null>(null);
  const hasMoved = useRef(false);

  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    start.current = event.clientX;
    hasMoved.current = false;
    event.currentTarget.setPointerCapture?.(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    if (start.current === null) return;
    const by = event.clientX - start.current;
    if (!hasMoved.current && Math.abs(by) < DRAG_MIN_PX) return;
    hasMoved.current = true;
    setShift(by);
  };
  const onPointerEnd = () => {
    start.current = null;
    if (shift !== 0 && gap > 0) onMove(axis.name, place + Math.round(shift / gap));
    setShift(0);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    onMove(axis.name, place + by);
  };
  const toggleLog = () => onLayout({ scales: scalesWith(layout, axis) });
  const toggleFlip = () => onLayout({ flipped: toggled(layout.flipped, axis.name) });
  const isLog = axis.scale === "log";
  const goal = axis.goal === null ? "" : `, ${axis.goal}`;
  return (
    <div
      className={classes(styles.head, shift !== 0 && styles.moving)}
      style={{
        left: x,
        width: Math.min(WIDTH_MAX, Math.max(60, count > 1 ? gap - 6 : WIDTH_MAX)),
        transform: `translateX(calc(-50% + ${shift}px))`,
      }}
    >
      <button
        type="button"
        className={styles.name}
        data-group={axis.group}
        title={`${axis.label}${goal}${axis.canLog ? ". Click: logarithmic or linear." : "."} Drag or arrow keys: move.`}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerEnd}
        onPointerCancel={onPointerEnd}
        onKeyDown={onKeyDown}
        onClick={() => {
          if (!hasMoved.current && axis.canLog) toggleLog();
        }}
      >
        <span>{shortLabel(axis.label, (gap - 44) / CHAR_PX)}</span>
        {isLog && <small>log</small>}
        {axis.isFlipped && <small title="turned around">↕</small>}
      </button>
      <Menu trigger={<IconButton icon="more" label={`Axis ${axis.label}`} />}>
        <MenuLabel>{axis.label}</MenuLabel>
        <MenuItem onSelect={() => onRange(axis)}>Choose ranges…</MenuItem>
        <MenuItem
          isDisabled={!selection.brushes.has(axis.name)}
          onSelect={() => selection.brush(axis.name, [])}
        >
          Clear its ranges
        </MenuItem>
        <MenuSeparator />
        <MenuItem isDisabled={!axis.canLog} onSelect={toggleLog}>
          {isLog ? "Linear scale" : "Logarithmic scale"}
        </MenuItem>
        <MenuItem onSelect={toggleFlip}>Turn around</MenuItem>
        <MenuItem isDisabled={place === 0} onSelect={() => onMove(axis.name, place - 1)}>
          Move left
        </MenuItem>
        <MenuItem isDisabled={place === count - 1} onSelect={() => onMove(axis.name, place + 1)}>
          Move right
        </MenuItem>
        <MenuSeparator />
        <MenuItem isDisabled={count < 2} onSelect={() => onRemove(axis.name)}>
          Take away
        </MenuItem>
      </Menu>
    </div>
  );
}

/** Of a dotted path the last part says most, and is at the end that would be cut off. */
function shortLabel(label: string, charsMax: number): string {
  if (label.length <= charsMax) return label;
  const leaf = label.split(/[./]/).at(-1) ?? label;
  return leaf.length < label.length ? `…${leaf}` : label;
}

function toggled(names: readonly string[], name: string): string[] {
  return names.includes(name) ? names.filter((each) => each !== name) : [...names, name];
}

function scalesWith({ scales }: AxisLayout, { name, scale }: Axis): string[] {
  const others = scales.filter((each) => each !== `${name}|log` && each !== `${name}|linear`);
  return [...others, `${name}|${scale === "log" ? "linear" : "log"}`];
}

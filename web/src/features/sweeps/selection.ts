/**
 * Which trials of a sweep are meant: the one selection that all charts and the table share.
 *
 * Ranges are brushed on axes: a trial is in when it lies in one of the ranges of every brushed axis. A chart may pick
 * trials itself, too (a lasso on the front): then a trial has to be among those as well. Charts follow by `subscribe`,
 * outside of React, because a brush changes with every frame.
 */

import { useCallback, useRef, useSyncExternalStore } from "react";

/** In units of the axis (of a category: places among its values), both ends included. */
export type BrushRange = readonly [low: number, high: number];
export type Brushes = ReadonlyMap<string, readonly BrushRange[]>;

/** Axes by name with one number per row; NaN is in no range but `MISSING`. */
export type AxisNumbers = ReadonlyMap<string, Float64Array>;

/** The lane of what has no value, as a range. */
export const MISSING: BrushRange = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];

export class TrialSelection {
  #brushes: Brushes = new Map();
  #picked: ReadonlySet<number> | null = null;
  #hovered: number | null = null;
  #axes: AxisNumbers = new Map();
  #ids: Int32Array = new Int32Array();
  #mask: Uint8Array | null = null;
  #count = 0;
  #version = 0;
  #listeners = new Set<() => void>();
  /** A brush is held: what can wait should wait, its end is told as a change of its own. */
  isDragged = false;
  #hoverListeners = new Set<() => void>();

  /** Ranges by the name of the axis: `parameter:lr`, `metric:loss`, `fact:duration`. */
  get brushes(): Brushes {
    return this.#brushes;
  }

  /** Ids that a chart picked; null: any. */
  get picked(): ReadonlySet<number> | null {
    return this.#picked;
  }

  /** Id of the trial under the pointer or the keyboard's cursor. */
  get hovered(): number | null {
    return this.#hovered;
  }

  /** 1 by row for those that are selected; null: nothing is brushed, all are. */
  get mask(): Uint8Array | null {
    return this.#mask;
  }

  /** How many are selected. */
  get count(): number {
    return this.#count;
  }

  /** Grows with every change of the selection. */
  get version(): number {
    return this.#version;
  }

  isSelected(row: number): boolean {
    return this.#mask === null || this.#mask[row] === 1;
  }

  /** Ids of the selected trials, in their order. */
  listIds(): number[] {
    const ids: number[] = [];
    for (let row = 0; row < this.#ids.length; row++) {
      if (this.isSelected(row)) ids.push(this.#ids[row] as number);
    }
    return ids;
  }

  /** The trials there are now. Brushes stay. */
  setTrials(ids: Int32Array, axes: AxisNumbers): void {
    this.#ids = ids;
    this.#axes = axes;
    this.#refresh();
  }

  /** Replaces the ranges of one axis; none: the axis is free. */
  brush(axis: string, ranges: readonly BrushRange[]): void {
    const next = new Map(this.#brushes);
    if (ranges.length === 0) next.delete(axis);
    else next.set(axis, ranges);
    this.#brushes = next;
    this.#refresh();
  }

  setBrushes(brushes: Brushes): void {
    this.#brushes = brushes;
    this.#refresh();
  }

  pick(ids: Iterable<number> | null): void {
    this.#picked = ids === null ? null : new Set(ids);
    this.#refresh();
  }

  clear(): void {
    if (this.#brushes.size === 0 && this.#picked === null) return;
    this.#brushes = new Map();
    this.#picked = null;
    this.#refresh();
  }

  hover(id: number | null): void {
    if (id === this.#hovered) return;
    this.#hovered = id;
    for (const listener of this.#hoverListeners) listener();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  subscribeHover = (listener: () => void): (() => void) => {
    this.#hoverListeners.add(listener);
    return () => {
      this.#hoverListeners.delete(listener);
    };
  };

  #refresh(): void {
    this.#mask = makeMask(this.#ids, this.#axes, this.#brushes, this.#picked);
    this.#count = this.#mask === null ? this.#ids.length : this.#mask.reduce((a, b) => a + b, 0);
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}

/** Rows that lie in a range of every brushed axis and are among the picked; null where nothing is brushed. */
export function makeMask(
  ids: Int32Array,
  axes: AxisNumbers,
  brushes: Brushes,
  picked: ReadonlySet<number> | null,
): Uint8Array | null {
  // An axis that is not there (the configuration was edited) excludes nothing.
  const used = [...brushes].filter(([axis]) => axes.has(axis));
  if (used.length === 0 && picked === null) return null;
  const mask = new Uint8Array(ids.length).fill(1);
  for (const [axis, ranges] of used) {
    const numbers = axes.get(axis) as Float64Array;
    for (let row = 0; row < mask.length; row++) {
      if (mask[row] === 1 && !isInside(numbers[row] as number, ranges)) mask[row] = 0;
    }
  }
  if (picked !== null) {
    for (let row = 0; row < mask.length; row++) {
      if (!picked.has(ids[row] as number)) mask[row] = 0;
    }
  }
  return mask;
}

function isInside(value: number, ranges: readonly BrushRange[]): boolean {
  const isMissing = Number.isNaN(value);
  for (const [low, high] of ranges) {
    if (isMissing ? high === Number.NEGATIVE_INFINITY : value >= low && value <= high) return true;
  }
  return false;
}

/** The selection of a page; one per mounted page. */
export function useNewTrialSelection(): TrialSelection {
  const selection = useRef<TrialSelection>(null);
  selection.current ??= new TrialSelection();
  return selection.current;
}

/** Renders again when the selection changes; returns its version, for dependencies of memos. */
export function useTrialSelection(selection: TrialSelection): number {
  return useSyncExternalStore(
    selection.subscribe,
    useCallback(() => selection.version, [selection]),
  );
}

/** Renders again when another trial is hovered; its id. */
export function useHoveredTrial(selection: TrialSelection): number | null {
  return useSyncExternalStore(
    selection.subscribeHover,
    useCallback(() => selection.hovered, [selection]),
  );
}

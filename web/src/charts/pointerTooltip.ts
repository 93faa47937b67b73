/**
 * The read-out beside the pointer: one element for all charts, filled by hand because it changes with every mouse
 * move and React state would render a panel each time.
 */

import type { XAxis } from "~/core/frame";
import { formatValue, formatX } from "./format";
import type { Line, Mark, Reading } from "./lineModel";
import styles from "./pointerTooltip.module.css";

export interface TooltipContent {
  axis: XAxis;
  xLabel: string;
  x: number;
  /** Nearest first. */
  readings: readonly Reading[];
  marks: readonly { line: Line; mark: Mark }[];
  /** Run drawn strong, if one is near enough. */
  highlighted: string | null;
  clientX: number;
  clientY: number;
}

const ROWS_MAX = 12;
const OFFSET_PX = 14;
let tooltip: HTMLDivElement | null = null;

export function showTooltip(content: TooltipContent): void {
  tooltip ??= createElement();
  tooltip.replaceChildren(...makeRows(content));
  tooltip.hidden = false;
  const { offsetWidth, offsetHeight } = tooltip;
  const isLeft = content.clientX + OFFSET_PX + offsetWidth > innerWidth - OFFSET_PX;
  const left = isLeft ? content.clientX - OFFSET_PX - offsetWidth : content.clientX + OFFSET_PX;
  const top = Math.min(content.clientY + OFFSET_PX, innerHeight - offsetHeight - OFFSET_PX);
  tooltip.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, top)}px)`;
}

export function hideTooltip(): void {
  if (tooltip !== null) tooltip.hidden = true;
}

/** The same content as one line of text, for screen readers. */
export function describeReading(content: Omit<TooltipContent, "clientX" | "clientY">): string {
  const shown = content.readings.slice(0, ROWS_MAX);
  const values = shown.map(({ line, y }) => `${line.run.displayName} ${formatValue(y)}`);
  const more = content.readings.length - shown.length;
  return [`${content.xLabel} ${formatX(content.x, content.axis)}`, ...values]
    .concat(more > 0 ? [`${more} more`] : [])
    .join(", ");
}

function createElement(): HTMLDivElement {
  const element = document.createElement("div");
  element.className = styles.tooltip ?? "";
  // Pointer only: by keyboard the same text is the value of the chart's slider.
  element.setAttribute("aria-hidden", "true");
  document.body.append(element);
  return element;
}

function makeRows(content: TooltipContent): HTMLElement[] {
  const { axis, x, readings, marks, highlighted, xLabel } = content;
  const nearX = readings[0]?.x ?? x;
  const head = makeElement("head");
  head.append(makeElement("label", xLabel), makeElement("x", formatX(nearX, axis)));
  const rows = readings.slice(0, ROWS_MAX).map((reading) => {
    const { run } = reading.line;
    const row = makeElement(run.name === highlighted ? "near" : "row");
    row.append(makeSwatch(reading.line), makeElement("name", run.displayName));
    if (reading.y !== reading.raw) row.append(makeElement("raw", formatValue(reading.raw)));
    row.append(makeElement("value", formatValue(reading.y)));
    if (reading.x !== nearX) row.append(makeElement("at", `at ${formatX(reading.x, axis)}`));
    return row;
  });
  const markRows = marks.slice(0, ROWS_MAX).map(({ line, mark }) => {
    const row = makeElement("row");
    const text = mark.count > 1 ? `${mark.kind} × ${mark.count}` : mark.kind;
    row.append(makeSwatch(line), makeElement("name", line.run.displayName));
    row.append(makeElement("odd", text));
    return row;
  });
  const more = readings.length - rows.length;
  return [head, ...rows, ...markRows, ...(more > 0 ? [makeElement("more", `+${more} more`)] : [])];
}

function makeSwatch({ run }: Line): HTMLElement {
  const swatch = makeElement("swatch");
  swatch.style.background = run.color;
  return swatch;
}

function makeElement(name: string, text?: string): HTMLElement {
  const element = document.createElement("div");
  element.className = styles[name] ?? "";
  if (text !== undefined) element.textContent = text;
  return element;
}

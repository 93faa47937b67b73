/**
 * One line panel on canvas: uPlot for axes, scales, cursor and selection; our own strokes for the lines.
 *
 * uPlot would need aligned arrays of boxed values with nulls; drawing compact typed arrays ourselves lets a gap, a
 * ghost and a marker be what they are. Hover never redraws this base layer: the crosshair is an element moved by
 * transform, and the overlay canvas is re-stroked only when the highlighted run changes.
 */

import uPlot from "uplot";
import type { XAxis } from "~/core/frame";
import type { Highlight } from "~/core/highlight";
import type { ChartTheme } from "./chartTheme";
import { formatDuration, formatLogTicks, formatTicks } from "./format";
import { type Line, type LineModel, type Mark, type Reading, readLine } from "./lineModel";
import {
  getTickSteps,
  listLogTicks,
  padLogRange,
  padRange,
  type Range,
  roundRange,
  widenRange,
} from "./scales";
import { cancelDraw, scheduleDraw } from "./scheduler";
import { drawHighlight, drawLines, type Projection, toCanvasX, toCanvasY } from "./strokes";

export interface PlotView {
  /** Called when the panel is drawn, so that building lines is part of the frame budget and not of a render. */
  makeModel: () => LineModel;
  axis: XAxis;
  isLog: boolean;
  /** Zoomed x range; null = all data. */
  range: Range | null;
  theme: ChartTheme;
}

export interface PointerReading {
  /** In data units of the x axis. */
  x: number;
  /** Nearest line first. */
  readings: Reading[];
  /** NaN and ±Infinity near x. */
  marks: { line: Line; mark: Mark }[];
  /** Run near enough to be meant, or null. */
  highlighted: string | null;
  /** In CSS pixels of the viewport. */
  clientX: number;
  clientY: number;
}

export interface LinePlotOptions {
  host: HTMLElement;
  width: number;
  height: number;
  view: PlotView;
  /** Panels with the same key share the crosshair. */
  syncKey: string;
  highlight: Highlight;
  onZoom: (range: Range | null) => void;
  onPointer: (reading: PointerReading | null) => void;
}

/** A line further away than this many CSS pixels is not meant by the pointer. */
const HIT_PX = 30;
/** A point further left or right than this does not belong to the pointer's x. */
const REACH_PX = 24;
const MARK_REACH_PX = 6;
const DRAG_MIN_PX = 5;
const LABEL_PX = 6.3;
const X_AXIS_PX = 24;
const WALL_AXIS_PX = 38;
const EMPTY_X: Range = [0, 1];
const EMPTY_Y: Range = [0, 1];
const EMPTY_LOG_Y: Range = [0.1, 10];

/** Columns of uPlot's time format table: step, text, then what is added when the year, …, second changes. */
const WALL_FORMATS: (number | string | null)[][] = [
  [86_400 * 365, "{YYYY}", null, null, null, null, null, null, 1],
  [86_400 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [0.001, "{ss}.{fff}", "\n{HH}:{mm}", null, "\n{HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

export class LinePlot {
  readonly #options: LinePlotOptions;
  readonly #overlay: HTMLCanvasElement;
  readonly #dot: HTMLDivElement;
  readonly #leaveHighlight: () => void;
  readonly #overlayOwner = {};
  readonly #pointerOwner = {};
  #plot: uPlot;
  #view: PlotView;
  #model: LineModel;
  /** Where the pointer rests on this panel, to read again when new data is drawn under it. */
  #pointer: { clientX: number; clientY: number } | null = null;
  /** Draws of the base layer so far; hovering must leave it alone. */
  drawCount = 0;

  constructor(options: LinePlotOptions) {
    this.#options = options;
    this.#view = options.view;
    this.#model = options.view.makeModel();
    this.#overlay = document.createElement("canvas");
    this.#overlay.dataset.layer = "highlight";
    this.#dot = document.createElement("div");
    this.#dot.dataset.layer = "dot";
    this.#dot.hidden = true;
    this.#plot = this.#create(options.width, options.height);
    this.#leaveHighlight = options.highlight.subscribe(() => this.#planOverlay());
  }

  /** Takes new data, theme or range; drawn in the next frame. */
  update(view: PlotView): void {
    if (view === this.#view) return;
    scheduleDraw(this, () => {
      const old = this.#view;
      this.#view = view;
      this.#model = view.makeModel();
      if (view.isLog !== old.isLog || view.axis !== old.axis || view.theme !== old.theme) {
        const { width, height } = this.#plot;
        this.#plot.destroy();
        this.#plot = this.#create(width, height);
      } else {
        this.#plot.setData(this.#makeData(), true);
      }
      this.#planOverlay();
      if (this.#pointer !== null) this.#readPointer(this.#pointer.clientX, this.#pointer.clientY);
    });
  }

  resize(width: number, height: number): void {
    if (width === this.#plot.width && height === this.#plot.height) return;
    this.#plot.setSize({ width, height });
    this.#planOverlay();
  }

  destroy(): void {
    for (const owner of [this, this.#overlayOwner, this.#pointerOwner]) cancelDraw(owner);
    this.#leaveHighlight();
    this.#plot.destroy();
  }

  #create(width: number, height: number): uPlot {
    const plot = new uPlot(this.#makeOptions(width, height), this.#makeData(), this.#options.host);
    plot.over.prepend(this.#overlay, this.#dot);
    plot.over.addEventListener("pointermove", (event) => this.#followPointer(event));
    plot.over.addEventListener("pointerleave", () => this.#leavePointer());
    return plot;
  }

  /** uPlot is given the x extent only; the lines are drawn in a hook and the ranges come from functions. */
  #makeData(): uPlot.AlignedData {
    return [[...this.#getXRange()], [1, 1]];
  }

  #makeOptions(width: number, height: number): uPlot.Options {
    const { axis, isLog } = this.#view;
    return {
      width,
      height,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: axis === "wall", range: () => [...this.#getXRange()] },
        y: isLog
          ? { distr: 3, log: 10, range: () => [...this.#getYRange()] }
          : { distr: 1, range: () => [...this.#getYRange()] },
      },
      series: [{}, { scale: "y", paths: () => null, points: { show: false } }],
      axes: [this.#makeXAxis(), this.#makeYAxis()],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: DRAG_MIN_PX },
        sync: {
          key: this.#options.syncKey,
          scales: ["x", null],
          filters: {
            pub: (type) => type === "mousemove" || type === "mouseleave",
            sub: () => true,
          },
        },
        bind: { dblclick: () => () => this.#resetZoom() },
      },
      hooks: { draw: [(plot) => this.#drawBase(plot)], setSelect: [(plot) => this.#zoom(plot)] },
    };
  }

  #makeXAxis(): uPlot.Axis {
    const { axis } = this.#view;
    const look = this.#makeAxisLook();
    if (axis === "wall") return { ...look, size: WALL_AXIS_PX, space: 74, values: WALL_FORMATS };
    return {
      ...look,
      size: X_AXIS_PX,
      space: 64,
      incrs: getTickSteps(axis),
      values: (_, ticks) => (axis === "relative" ? ticks.map(formatDuration) : formatTicks(ticks)),
      grid: { show: false },
    };
  }

  #makeYAxis(): uPlot.Axis {
    return {
      ...this.#makeAxisLook(),
      space: 30,
      ...(this.#view.isLog
        ? { splits: () => listLogTicks(this.#getYRange()), filter: (_, ticks) => ticks }
        : {}),
      // In steps of ten pixels, so that live values rarely move the plot's left edge.
      size: (_, labels) => {
        const longest = (labels ?? []).reduce((n, label) => Math.max(n, label?.length ?? 0), 3);
        return Math.ceil((longest * LABEL_PX + 12) / 10) * 10;
      },
      values: (_, ticks) => (this.#view.isLog ? formatLogTicks(ticks) : formatTicks(ticks)),
    };
  }

  #makeAxisLook(): uPlot.Axis {
    const { theme } = this.#view;
    return {
      stroke: theme.label,
      font: theme.font,
      gap: 4,
      grid: { stroke: theme.grid, width: 1 },
      ticks: { show: false },
      border: { show: false },
    };
  }

  #getXRange(): Range {
    return widenRange(this.#view.range ?? this.#model.x ?? EMPTY_X);
  }

  #getYRange(): Range {
    const { y } = this.#model;
    if (this.#view.isLog) return y === null ? EMPTY_LOG_Y : padLogRange(y);
    return y === null ? EMPTY_Y : padRange(y);
  }

  #project(plot: uPlot): Projection {
    const { left, top, width, height } = plot.bbox;
    return {
      left,
      top,
      width,
      height,
      x: this.#getXRange(),
      y: this.#getYRange(),
      isLog: this.#view.isLog,
      ratio: devicePixelRatio || 1,
    };
  }

  #drawBase(plot: uPlot): void {
    this.drawCount += 1;
    drawLines(plot.ctx, this.#model, this.#project(plot));
  }

  #planOverlay(): void {
    scheduleDraw(this.#overlayOwner, () => this.#drawOverlay());
  }

  #drawOverlay(): void {
    const run = this.#options.highlight.run;
    const line = this.#model.lines.find((candidate) => candidate.run.name === run);
    // Without other lines there is nothing to tell the highlighted one from.
    const isShown = line !== undefined && this.#model.lines.length > 1;
    this.#overlay.hidden = !isShown;
    if (!isShown) return;
    const projection = { ...this.#project(this.#plot), left: 0, top: 0 };
    if (this.#overlay.width !== projection.width) this.#overlay.width = projection.width;
    if (this.#overlay.height !== projection.height) this.#overlay.height = projection.height;
    const ctx = this.#overlay.getContext("2d");
    if (ctx === null) return;
    ctx.clearRect(0, 0, projection.width, projection.height);
    drawHighlight(ctx, line, projection, this.#view.theme.surface);
  }

  #zoom(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < DRAG_MIN_PX) return;
    const range = roundRange([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (range[0] < range[1]) this.#options.onZoom(range);
  }

  #resetZoom(): null {
    this.#options.onZoom(null);
    return null;
  }

  #followPointer(event: PointerEvent): void {
    const { clientX, clientY } = event;
    this.#pointer = { clientX, clientY };
    const isDragging = event.buttons !== 0 && event.pointerType === "mouse";
    scheduleDraw(this.#pointerOwner, () => {
      if (isDragging) this.#leavePointer();
      else this.#readPointer(clientX, clientY);
    });
  }

  #leavePointer(): void {
    this.#pointer = null;
    cancelDraw(this.#pointerOwner);
    this.#dot.hidden = true;
    this.#options.highlight.set(null);
    this.#options.onPointer(null);
  }

  /** Moves the crosshair to a share 0…1 of the plot's width, as the pointer would. */
  readAt(share: number): PointerReading {
    const box = this.#plot.over.getBoundingClientRect();
    this.#plot.setCursor({ left: share * box.width, top: box.height / 2 }, true);
    return this.#read(box.left + share * box.width, box.top + box.height / 2);
  }

  #readPointer(clientX: number, clientY: number): void {
    this.#options.onPointer(this.#read(clientX, clientY));
  }

  #read(clientX: number, clientY: number): PointerReading {
    const box = this.#plot.over.getBoundingClientRect();
    const projection = {
      ...this.#project(this.#plot),
      left: 0,
      top: 0,
      width: box.width,
      height: box.height,
    };
    const [x0, x1] = projection.x;
    const perPx = (x1 - x0) / Math.max(1, box.width);
    const x = x0 + (clientX - box.left) * perPx;
    const near: { reading: Reading; away: number }[] = [];
    const marks: PointerReading["marks"] = [];
    for (const line of this.#model.lines) {
      for (const mark of line.marks) {
        if (Math.abs(mark.x - x) <= MARK_REACH_PX * perPx) marks.push({ line, mark });
      }
      const reading = readLine(line, x, REACH_PX * perPx);
      if (reading === null) continue;
      const away = Math.abs(toCanvasY(reading.lineY, projection) - (clientY - box.top));
      near.push({ reading, away: Number.isFinite(away) ? away : Number.POSITIVE_INFINITY });
    }
    near.sort((a, b) => a.away - b.away);
    const nearest = near[0];
    const isHit = nearest !== undefined && nearest.away <= HIT_PX;
    const highlighted = isHit ? nearest.reading.line.run.name : null;
    this.#options.highlight.set(highlighted);
    this.#moveDot(nearest?.reading ?? null, projection);
    const readings = near.map(({ reading }) => reading);
    return { x, readings, marks, highlighted, clientX, clientY };
  }

  #moveDot(reading: Reading | null, projection: Projection): void {
    const y = reading === null ? Number.NaN : toCanvasY(reading.y, projection);
    this.#dot.hidden = reading === null || !Number.isFinite(y);
    if (reading === null || this.#dot.hidden) return;
    this.#dot.style.background = reading.line.run.color;
    this.#dot.style.transform = `translate(${toCanvasX(reading.x, projection)}px, ${y}px)`;
  }
}

/**
 * Charts that scripts log as a table and the name of a drawing: which of them are drawn here, and from which columns.
 *
 * wandb 0.31.0 plot/*.py: names of the drawings and of their fields.
 */

import type { JsonObject, JsonValue, TableRows } from "../api/types";
import { binValues, type PlotData, type PlotLine } from "../charts/plots/plotModel";
import { isObject } from "./items";

export interface CustomChart {
  /** Under which the chart was logged. */
  key: string;
  /** Under which its table was. */
  tableKey: string;
  /** As "wandb/line/v0". */
  drawing: string;
  fields: Readonly<Record<string, string>>;
  title: string;
  xName: string | null;
}

/** The charts in what a run notes about its own panels. */
export function readCustomCharts(visualize: JsonValue | undefined): CustomChart[] {
  if (!isObject(visualize)) return [];
  return Object.entries(visualize).flatMap(([key, panel]) => {
    const config = isObject(panel) && isObject(panel.panel_config) ? panel.panel_config : null;
    if (config === null || typeof config.panelDefId !== "string") return [];
    const texts = isObject(config.stringSettings) ? config.stringSettings : {};
    return [
      {
        key,
        tableKey: findTableKey(config) ?? `${key}_table`,
        drawing: config.panelDefId,
        fields: textsOf(config.fieldSettings),
        title: typeof texts.title === "string" ? texts.title : "",
        xName: typeof texts.xname === "string" ? texts.xname : null,
      },
    ];
  });
}

function findTableKey(config: JsonObject): string | null {
  let found: string | null = null;
  const look = (value: JsonValue | undefined): void => {
    if (Array.isArray(value)) for (const item of value) look(item);
    if (!isObject(value)) return;
    if (value.name === "tableKey" && typeof value.value === "string") found ??= value.value;
    for (const item of Object.values(value)) look(item);
  };
  look(config.userQuery);
  return found;
}

function textsOf(value: JsonValue | undefined): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
}

type Reader = (chart: CustomChart, table: Cells) => PlotData | null;

/** By the name of the drawing without its version. */
const READERS: Readonly<Record<string, Reader>> = {
  "wandb/line": (chart, table) => linesOf("lines", chart, table, "x", "y", "stroke"),
  "wandb/lineseries": (chart, table) =>
    linesOf("lines", chart, table, "step", "lineVal", "lineKey"),
  "wandb/scatter": (chart, table) => linesOf("points", chart, table, "x", "y", "class"),
  "wandb/area-under-curve": (chart, table) => linesOf("lines", chart, table, "x", "y", "class"),
  "wandb/bar": readBars,
  "wandb/histogram": readHistogram,
  "wandb/confusion_matrix": readMatrix,
};

export function isDrawn(chart: CustomChart): boolean {
  return READERS[baseName(chart.drawing)] !== undefined;
}

function baseName(drawing: string): string {
  return drawing.replace(/\/v\d+$/, "");
}

/** The drawing of a chart's rows; null where its columns are not there, or not what it needs. */
export function makePlot(
  chart: CustomChart,
  rows: Pick<TableRows, "columns" | "rows">,
): PlotData | null {
  return READERS[baseName(chart.drawing)]?.(chart, new Cells(rows)) ?? null;
}

class Cells {
  readonly #rows: readonly (readonly JsonValue[])[];
  readonly #places: Map<string, number>;

  constructor({ columns, rows }: Pick<TableRows, "columns" | "rows">) {
    this.#rows = rows;
    this.#places = new Map(columns.map((column, index) => [column.name, index]));
  }

  column(name: string | undefined): JsonValue[] | null {
    const place = name === undefined ? undefined : this.#places.get(name);
    return place === undefined ? null : this.#rows.map((row) => row[place] ?? null);
  }
}

function numbers(values: readonly JsonValue[]): number[] {
  return values.map((value) => (typeof value === "number" ? value : Number.NaN));
}

function linesOf(
  kind: "lines" | "points",
  { fields, xName }: CustomChart,
  table: Cells,
  ...[x, y, group]: [string, string, string]
): PlotData | null {
  const [xs, ys] = [table.column(fields[x]), table.column(fields[y])];
  if (xs === null || ys === null) return null;
  const groups = table.column(fields[group]);
  const lines = new Map<string, [number, number][]>();
  const yNumbers = numbers(ys);
  numbers(xs).forEach((value, i) => {
    const name = groups === null ? (fields[y] ?? y) : String(groups[i] ?? "null");
    const points = lines.get(name) ?? [];
    points.push([value, yNumbers[i] ?? Number.NaN]);
    lines.set(name, points);
  });
  const listed: PlotLine[] = [...lines].map(([name, points]) => ({ name, points }));
  return { kind, lines: listed, x: xName ?? fields[x] ?? x, y: fields[y] ?? y };
}

function readBars({ fields }: CustomChart, table: Cells): PlotData | null {
  const [labels, values] = [table.column(fields.label), table.column(fields.value)];
  if (labels === null || values === null) return null;
  const heights = numbers(values);
  const bars = labels.flatMap((label, i) => {
    const value = heights[i] ?? Number.NaN;
    return Number.isFinite(value) ? [{ label: String(label ?? "null"), value }] : [];
  });
  return { kind: "bars", bars, x: fields.label ?? "label", y: fields.value ?? "value" };
}

function readHistogram({ fields }: CustomChart, table: Cells): PlotData | null {
  const values = table.column(fields.value);
  if (values === null) return null;
  return { kind: "histogram", ...binValues(numbers(values)), x: fields.value ?? "value" };
}

function readMatrix({ fields }: CustomChart, table: Cells): PlotData | null {
  const actual = table.column(fields.Actual);
  const predicted = table.column(fields.Predicted);
  const counts = table.column(fields.nPredictions);
  if (actual === null || predicted === null || counts === null) return null;
  const rows = [...new Set(actual.map(String))];
  const columns = [...new Set(predicted.map(String))];
  const values = rows.map(() => columns.map(() => 0));
  numbers(counts).forEach((count, i) => {
    const row = values[rows.indexOf(String(actual[i]))];
    const column = columns.indexOf(String(predicted[i]));
    if (row !== undefined && Number.isFinite(count)) row[column] = (row[column] ?? 0) + count;
  });
  return { kind: "matrix", rows, columns, values, rowName: "Actual", columnName: "Predicted" };
}

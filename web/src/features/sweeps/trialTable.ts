/** Columns of the table of trials, and their order: pure. */

import { formatValue } from "~/charts/format";
import { formatDuration, formatNumber } from "~/ui/format";
import { type MetricColumn, OUTCOMES, type ParameterColumn, type TrialColumns } from "./data";
import { OUTCOME_LOOKS } from "./outcomes";

export interface TableColumn {
  /** Also the name by which the table is sorted. */
  id: string;
  label: string;
  width: number;
  isNumber: boolean;
  /** By row, for sorting; texts sort by their letters. NaN and null come last. */
  keyOf: (row: number) => number | string | null;
  textOf: (row: number) => string;
  /** Explains what stands in the cell, where it is cut off. */
  titleOf?: (row: number) => string;
}

const NO_VALUE = "–";
const CHAR_PX = 7.2;
const PARAMETERS_MAX = 60;
const KINDS: Readonly<Record<string, string>> = {
  prior: "earlier run",
  start: "start",
  model: "model",
  tpe: "model (TPE)",
  random: "random",
  grid: "grid",
  phase: "earlier phase",
};

export function listTableColumns(columns: TrialColumns): TableColumn[] {
  const text = (
    id: string,
    label: string,
    width: number,
    values: readonly (string | null)[],
  ): TableColumn => ({
    ...{ id, label, width, isNumber: false },
    keyOf: (row) => values[row] ?? null,
    textOf: (row) => values[row] ?? NO_VALUE,
    titleOf: (row) => values[row] ?? "",
  });
  const number = (
    id: string,
    label: string,
    numbers: Float64Array,
    format = (value: number) => formatNumber(value),
  ): TableColumn => ({
    ...{ id, label, isNumber: true, width: widthOf(label, 90) },
    keyOf: (row) => numbers[row] as number,
    textOf: (row) => {
      const value = numbers[row] as number;
      return Number.isNaN(value) ? NO_VALUE : format(value);
    },
    titleOf: (row) => String(numbers[row]),
  });
  const optional = (column: TableColumn, isThere: boolean) => (isThere ? [column] : []);
  const some = (values: readonly (string | null)[]) => values.some((value) => value !== null);
  const any = (numbers: Float64Array) => numbers.some((value) => !Number.isNaN(value));
  return [
    { ...text("name", "Run", 190, columns.names), titleOf: (row) => columns.names[row] ?? "" },
    {
      ...text("outcome", "State", 130, columns.states),
      keyOf: (row) => OUTCOMES.indexOf(columns.outcomes[row] ?? "waiting"),
      textOf: (row) => OUTCOME_LOOKS[columns.outcomes[row] ?? "waiting"].label,
    },
    ...columns.metrics.map((metric) => metricColumn(metric)),
    ...columns.parameters
      .filter(({ kind }) => kind !== "constant")
      .slice(0, PARAMETERS_MAX)
      .map((parameter) => parameterColumn(parameter)),
    ...[...columns.measured].map(([name, numbers]) => number(`measured:${name}`, name, numbers)),
    number("duration", "Duration", columns.durationS, formatDuration),
    ...optional(number("usd", "Cost ($)", columns.usd), any(columns.usd)),
    ...optional(number("gpu_hours", "GPU hours", columns.gpuHours), any(columns.gpuHours)),
    ...optional(number("tokens", "Tokens", columns.tokens), any(columns.tokens)),
    {
      ...text(
        "kind",
        "Suggested by",
        120,
        columns.kinds.map((kind) => KINDS[kind] ?? kind),
      ),
      titleOf: (row) => columns.reasons[row] ?? "",
    },
    text("reason", "Why this configuration", 300, columns.reasons),
    ...optional(
      text("stop_reason", "Why it was stopped", 300, columns.stopReasons),
      some(columns.stopReasons),
    ),
    ...optional(text("host", "Host", 140, columns.hosts), some(columns.hosts)),
    ...optional(text("gpu", "GPU", 150, columns.gpus), some(columns.gpus)),
    ...optional(text("slurm_job", "Slurm job", 100, columns.slurmJobs), some(columns.slurmJobs)),
    ...optional(
      text("slurm_task", "Slurm task", 100, columns.slurmTasks),
      some(columns.slurmTasks),
    ),
    ...optional(
      number("attempts", "Attempts", Float64Array.from(columns.attempts)),
      columns.attempts.some((count) => count > 1),
    ),
  ];
}

function widthOf(label: string, least: number): number {
  return Math.min(220, Math.max(least, Math.round(label.length * CHAR_PX) + 34));
}

function metricColumn(metric: MetricColumn): TableColumn {
  const { name, numbers, std } = metric;
  return {
    ...{ id: `metric:${name}`, label: name, isNumber: true },
    width: widthOf(name, std === null ? 100 : 150),
    keyOf: (row) => numbers[row] as number,
    textOf: (row) => formatMetric(metric, row),
    titleOf: (row) => String(numbers[row]),
  };
}

/** "0.912", and of trials of several runs "0.912 ± 0.004". */
export function formatMetric({ numbers, std }: MetricColumn, row: number): string {
  const value = numbers[row] as number;
  if (Number.isNaN(value)) return NO_VALUE;
  const spread = std === null ? Number.NaN : (std[row] as number);
  return Number.isNaN(spread)
    ? formatValue(value)
    : `${formatNumber(value)} ± ${formatNumber(spread, 2)}`;
}

function parameterColumn(parameter: ParameterColumn): TableColumn {
  const { name, numbers, labels, values } = parameter;
  const isNumber = values.every((value) => typeof value === "number");
  return {
    ...{ id: `parameter:${name}`, label: name, isNumber },
    width: widthOf(name, 90),
    keyOf: (row) => numbers[row] as number,
    textOf: (row) => {
      const value = numbers[row] as number;
      return labels.length > 0 || Number.isNaN(value)
        ? formatParameter(parameter, row)
        : formatNumber(value);
    },
    titleOf: (row) => formatParameter(parameter, row),
  };
}

export function formatParameter({ numbers, labels }: ParameterColumn, row: number): string {
  const value = numbers[row] as number;
  if (Number.isNaN(value)) return NO_VALUE;
  return labels.length === 0 ? formatValue(value) : (labels[value] ?? NO_VALUE);
}

export interface Sort {
  id: string;
  isDown: boolean;
}

/** `-metric:loss` is descending; the empty text is the order of suggestion, newest last. */
export function parseSort(text: string): Sort | null {
  if (text === "") return null;
  return text.startsWith("-") ? { id: text.slice(1), isDown: true } : { id: text, isDown: false };
}

/** What the next click on the head of a column asks for: up, down, none. */
export function nextSort(text: string, id: string): string {
  if (text === id) return `-${id}`;
  return text === `-${id}` ? "" : id;
}

/** Rows in order; those without a value last, whichever way. */
export function sortRows(
  rows: ArrayLike<number>,
  column: Pick<TableColumn, "keyOf"> | undefined,
  isDown: boolean,
): number[] {
  const list = Array.from(rows);
  if (column === undefined) return list;
  const keys = new Map(list.map((row) => [row, column.keyOf(row)]));
  const isMissing = (key: number | string | null | undefined) =>
    key === null || key === undefined || Number.isNaN(key);
  const sign = isDown ? -1 : 1;
  return list.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (isMissing(x) || isMissing(y)) return Number(isMissing(x)) - Number(isMissing(y)) || a - b;
    const order =
      typeof x === "string" || typeof y === "string"
        ? String(x).localeCompare(String(y), "en", { numeric: true })
        : (x as number) - (y as number);
    return sign * order || a - b;
  });
}

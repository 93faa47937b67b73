/** Everything of a trial that can be an axis: parameters, metrics and a few facts, by one name each. */

import type { MetricColumn, ParameterColumn, TrialColumns } from "./data";
import type { AxisNumbers } from "./selection";

export type AxisName = `parameter:${string}` | `metric:${string}` | `fact:${FactName}`;
export type FactName = "duration" | "gpu_hours" | "usd" | "trial";

/** Facts that can be axes, with what they are called. */
export const FACTS: readonly { name: FactName; label: string }[] = [
  { name: "duration", label: "duration" },
  { name: "gpu_hours", label: "GPU hours" },
  { name: "usd", label: "cost ($)" },
  { name: "trial", label: "trial" },
];

export const axisOfParameter = ({ name }: Pick<ParameterColumn, "name">): AxisName =>
  `parameter:${name}`;
export const axisOfMetric = ({ name }: Pick<MetricColumn, "name">): AxisName => `metric:${name}`;

export function factNumbers(columns: TrialColumns, fact: FactName): Float64Array {
  switch (fact) {
    case "duration":
      return columns.durationS;
    case "gpu_hours":
      return columns.gpuHours;
    case "usd":
      return columns.usd;
    case "trial":
      return Float64Array.from(columns.ids);
  }
}

export function axesOf(columns: TrialColumns): AxisNumbers {
  const axes = new Map<string, Float64Array>();
  for (const parameter of columns.parameters) {
    axes.set(axisOfParameter(parameter), parameter.numbers);
  }
  for (const metric of columns.metrics) axes.set(axisOfMetric(metric), metric.numbers);
  for (const { name } of FACTS) axes.set(`fact:${name}`, factNumbers(columns, name));
  return axes;
}

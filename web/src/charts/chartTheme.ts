/** Theme tokens as values a canvas can use. */

export interface ChartTheme {
  grid: string;
  axis: string;
  label: string;
  surface: string;
  font: string;
}

/** Reads the tokens in force at `element`; call it again when the scheme changes. */
export function readChartTheme(element: Element): ChartTheme {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    grid: token("--grid"),
    axis: token("--axis"),
    label: token("--text-faint"),
    surface: token("--raised"),
    font: `${token("--text-11") || "11px"} ${token("--font") || "sans-serif"}`,
  };
}

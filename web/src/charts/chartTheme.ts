/** Theme tokens as values a canvas can use. */

export interface ChartTheme {
  grid: string;
  axis: string;
  label: string;
  surface: string;
  font: string;
}

const themes = new Map<string, ChartTheme>();

/** The tokens of a scheme; the same object each time, because charts rebuild their axes when it changes. */
export function getChartTheme(scheme: "light" | "dark"): ChartTheme {
  const known = themes.get(scheme);
  if (known !== undefined) return known;
  const theme = readTokens();
  // Before the style sheet is there all tokens are empty; such a theme is not worth keeping.
  if (theme.grid !== "") themes.set(scheme, theme);
  return theme;
}

function readTokens(): ChartTheme {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    grid: token("--grid"),
    axis: token("--axis"),
    label: token("--text-faint"),
    surface: token("--raised"),
    font: `${token("--text-11") || "11px"} ${token("--font") || "sans-serif"}`,
  };
}

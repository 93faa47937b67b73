/** Console styles as CSS that can be read on both themes, whatever pair of colours a script chose. */

import type { CSSProperties } from "react";
import { type AnsiStyle, PLAIN } from "../core/ansi";

/** Neither black nor white says which of the two the page is. */
const PAGE_COLORS: readonly (string | null)[] = [null, "black", "white", "bright-white"];

export function cssOf(style: AnsiStyle): CSSProperties | undefined {
  if (style === PLAIN) return undefined;
  const css: CSSProperties = colorsOf(style);
  if (style.isBold) css.fontWeight = "var(--weight-strong)";
  if (style.isDim) css.opacity = 0.75;
  if (style.isItalic) css.fontStyle = "italic";
  const lines = [style.isUnderlined && "underline", style.isStruck && "line-through"];
  const decoration = lines.filter(Boolean).join(" ");
  if (decoration !== "") css.textDecoration = decoration;
  return css;
}

function colorsOf({ foreground, background, isInverse }: AnsiStyle): CSSProperties {
  if (isInverse) {
    const paper = foreground === null ? "var(--text)" : solid(foreground);
    return { background: paper, color: inkOn(foreground, background) };
  }
  if (background === null) return foreground === null ? {} : { color: inkOnPage(foreground) };
  if (isExact(background)) {
    return { background, color: inkOn(background, foreground) };
  }
  // A named background is a tint of the page, so every named colour stays legible on it.
  const color = PAGE_COLORS.includes(foreground) ? "var(--text)" : solid(foreground as string);
  return { background: `color-mix(in srgb, ${solid(background)} 28%, var(--bg))`, color };
}

/** Text on a paper of full colour: an exact colour as asked for, else dark or light, whichever contrasts. */
function inkOn(paper: string | null, wanted: string | null): string {
  if (wanted !== null && isExact(wanted)) return wanted;
  if (paper === null || !isExact(paper)) return "var(--bg)";
  return isBright(paper) ? "var(--ansi-ink-dark)" : "var(--ansi-ink-light)";
}

/** An exact colour keeps its hue and gets a lightness that can be read on the page of either theme. */
function inkOnPage(color: string): string {
  if (!isExact(color)) return solid(color);
  return `oklch(from ${color} clamp(var(--ansi-lightness-min), l, var(--ansi-lightness-max)) c h)`;
}

function isExact(color: string): boolean {
  return color.startsWith("rgb(");
}

function isBright(color: string): boolean {
  const [r = 0, g = 0, b = 0] = color.match(/\d+/g)?.map(Number) ?? [];
  return 0.299 * r + 0.587 * g + 0.114 * b > 140;
}

function solid(color: string): string {
  return isExact(color) ? color : `var(--ansi-${color})`;
}

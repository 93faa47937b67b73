/** Colours for "how much", strongest against the background where it is most. */

import type { Scheme } from "~/core/color";

/** Viridis (van der Walt & Smith, 2015), at equal steps; the end that the background would swallow is cut off. */
const STOPS: Readonly<Record<Scheme, readonly string[]>> = {
  light: ["#a0bd2c", "#5fb35a", "#2f9f78", "#26828e", "#33628d", "#443983", "#440154"],
  dark: ["#66559e", "#4a6fa5", "#3a8a9e", "#27ad81", "#5cc863", "#aadc32", "#fde725"],
};

/** What has no value, and what is pointed at. */
export const INK: Readonly<Record<Scheme, { missing: string; strong: string }>> = {
  light: { missing: "#9aa3b0", strong: "#14181f" },
  dark: { missing: "#59636f", strong: "#ffffff" },
};

/** `count` colours from least to most. */
export function makeSequence(scheme: Scheme, count: number): string[] {
  const stops = STOPS[scheme].map(toChannels);
  return Array.from({ length: count }, (_, i) => {
    const at = count === 1 ? stops.length - 1 : (i / (count - 1)) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    const share = at - low;
    const [from, to] = [stops[low] as number[], stops[low + 1] as number[]];
    const mixed = from.map((value, c) =>
      Math.round(value + (to[c] as number) * share - value * share),
    );
    return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  });
}

function toChannels(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}

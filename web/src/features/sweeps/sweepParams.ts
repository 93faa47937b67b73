/** What the pages of sweeps keep in their address. */

import { choiceParam, namesParam, type Param, textParam } from "~/core/urlState";
import { OUTCOMES, type Outcome } from "./data";
import type { Brushes, BrushRange } from "./selection";

const BRUSHES_MAX = 40;
const RANGES_MAX = 40;

/** Each brushed axis as `name~low..high~low..high`; a name may hold anything, so the first part ends at the last `~` before a range. */
export function brushesParam(): Param<Brushes> {
  return {
    initial: new Map(),
    read: (texts) => {
      if (texts.length > BRUSHES_MAX) return undefined;
      const brushes = new Map<string, readonly BrushRange[]>();
      for (const text of texts) {
        const [name = "", ...parts] = text.split("~");
        const ranges = parts.map(readRange);
        if (name === "" || ranges.length === 0 || ranges.length > RANGES_MAX) return undefined;
        if (!ranges.every((range) => range !== undefined)) return undefined;
        brushes.set(decodeName(name), ranges);
      }
      return brushes;
    },
    write: (brushes) =>
      [...brushes].map(([name, ranges]) =>
        [encodeName(name), ...ranges.map(([low, high]) => `${low}..${high}`)].join("~"),
      ),
  };
}

function readRange(text: string): BrushRange | undefined {
  const [low, high, ...rest] = text
    .split("..")
    .map((part) => (part === "" ? Number.NaN : Number(part)));
  if (low === undefined || high === undefined || rest.length > 0 || !(low <= high))
    return undefined;
  return [low, high];
}

const encodeName = (name: string) => name.replaceAll("%", "%25").replaceAll("~", "%7E");
const decodeName = (name: string) => name.replaceAll("%7E", "~").replaceAll("%25", "%");

export function outcomesParam(): Param<readonly Outcome[]> {
  return {
    initial: [],
    read: (texts) => {
      const known = texts.filter((text): text is Outcome =>
        (OUTCOMES as readonly string[]).includes(text),
      );
      return known.length === texts.length ? known : undefined;
    },
    write: (value) => value,
  };
}

export const sweepParams = {
  /** Axes by name, in order; none: the usual ones. */
  axes: namesParam(40),
  flip: namesParam(40),
  scale: namesParam(80),
  brush: brushesParam(),
  /** Outcomes that are not counted. */
  hide: outcomesParam(),
  over: choiceParam(["trials", "time", "cost"]),
  sort: textParam(),
};

export type SweepView = {
  [K in keyof typeof sweepParams]: (typeof sweepParams)[K] extends Param<infer T> ? T : never;
};

export const sweepListParams = {
  state: choiceParam(["", "running", "paused", "pending", "finished", "canceled"]),
};

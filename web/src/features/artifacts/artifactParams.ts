/** View state of the artifact pages in their addresses. */

import { choiceParam, countParam, namesParam, textParam } from "~/core/urlState";

const NAME_CHARS_MAX = 1024;
const STACKS_MAX = 20;
export const DEPTH_MAX = 10;
export const DEPTH_INITIAL = 3;

/** As the server names them; "-" is for the largest first. */
export const SORTS = [
  { value: "-updated_at", label: "Last changed" },
  { value: "-created_at", label: "Newest" },
  { value: "name", label: "Name" },
  { value: "-size", label: "Size" },
  { value: "-versions", label: "Number of versions" },
] as const;
export type SortName = (typeof SORTS)[number]["value"];

export const DIRECTIONS = [
  { value: "both", label: "Both ways" },
  { value: "up", label: "Where it comes from" },
  { value: "down", label: "What came of it" },
] as const;
export type Direction = (typeof DIRECTIONS)[number]["value"];

export const browserParams = {
  type: textParam(),
  q: textParam(),
  sort: choiceParam<SortName>(["-updated_at", "-created_at", "name", "-size", "-versions"]),
};

export const filesParams = { path: textParam(NAME_CHARS_MAX), find: textParam(NAME_CHARS_MAX) };

export const lineageParams = {
  depth: countParam(DEPTH_INITIAL, DEPTH_MAX),
  dir: choiceParam<Direction>(["both", "up", "down"]),
  open: namesParam(STACKS_MAX),
  as: choiceParam<"graph" | "table">(["graph", "table"]),
};

export const metadataParams = { find: textParam() };
export const diffParams = { to: textParam(), find: textParam() };

const MARKS_MAX = 200;

export const bisectParams = {
  metric: textParam(NAME_CHARS_MAX),
  goal: choiceParam<"max" | "min">(["max", "min"]),
  /** As it is typed; what is no number is said to be none. */
  limit: textParam(40),
  good: namesParam(MARKS_MAX),
  bad: namesParam(MARKS_MAX),
};

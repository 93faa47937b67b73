/** What the workspace keeps in its URL, besides how the charts are shown. */

import { type ChartState, chartParams } from "~/charts/chartParams";
import {
  choiceParam,
  countParam,
  namesParam,
  type Schema,
  switchParam,
  textParam,
} from "~/core/urlState";

export const SORTS = [
  { value: "newest", label: "Newest first", key: "created_at", dir: "desc" },
  { value: "oldest", label: "Oldest first", key: "created_at", dir: "asc" },
  { value: "name", label: "Name", key: "display_name", dir: "asc" },
  { value: "duration", label: "Longest first", key: "duration", dir: "desc" },
  { value: "state", label: "State", key: "state", dir: "asc" },
] as const;

export type SortName = (typeof SORTS)[number]["value"];

/** How many runs are shown from the top of the list. */
export const SHOWN_COUNTS = [0, 5, 10, 20, 50, 100] as const;
export const SHOWN_INITIAL = 10;
const SHOWN_MAX = 200;

export interface WorkspaceState extends ChartState {
  /** Search among runs. */
  runs: string;
  sort: SortName;
  show: number;
  /** Runs switched off although among the first, and on although not. */
  hide: readonly string[];
  also: readonly string[];
  solo: string;
  list: boolean;
}

export const workspaceParams: Schema<WorkspaceState> = {
  ...chartParams,
  runs: textParam(),
  sort: choiceParam(["newest", "oldest", "name", "duration", "state"]),
  show: countParam(SHOWN_INITIAL, SHOWN_MAX),
  hide: namesParam(),
  also: namesParam(),
  solo: textParam(),
  list: switchParam(true),
};

/**
 * The shapes of `/api/v1`, written by hand until the server publishes its openapi.json; `npm run web-types` then
 * makes schema.d.ts and this file only gives its types short names.
 */

/** NaN and the infinities come as the strings "NaN", "Infinity" and "-Infinity". */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

export type RunState =
  | "running"
  | "finished"
  | "failed"
  | "crashed"
  | "killed"
  | "preempting"
  | "preempted"
  | "pending"
  | "queued";

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total?: number;
}

export interface EntityRole {
  name: string;
  kind: string;
  role: string;
}

export interface Me {
  username: string;
  name: string;
  email: string | null;
  is_admin: boolean;
  default_entity: string;
  entities: EntityRole[];
  server: { version: string; base_url: string };
}

export interface ApiKey {
  id: string | number;
  name: string;
  hint: string;
  created_at_us: number;
  last_used_at_us: number | null;
}

export interface NewApiKey {
  id: string | number;
  name: string;
  key: string;
}

export interface ProjectRow {
  entity: string;
  project: string;
  run_count: number;
  running_count: number;
  last_activity_us: number | null;
}

export interface Home {
  projects: ProjectRow[];
  running: RunRow[];
}

export interface RunRow {
  name: string;
  display_name: string;
  state: RunState;
  created_at_us: number;
  updated_at_us: number;
  heartbeat_at_us: number | null;
  finished_at_us: number | null;
  duration_s: number;
  username: string | null;
  group: string | null;
  job_type: string | null;
  tags: string[];
  notes: string | null;
  sweep: string | null;
  color?: string | null;
  entity: string;
  project: string;
  columns: JsonObject;
}

export interface RunMetadata {
  host?: string | null;
  os?: string | null;
  python?: string | null;
  program?: string | null;
  args?: readonly string[] | null;
  git?: { commit?: string | null; remote?: string | null } | null;
  gpu?: JsonValue;
  [key: string]: JsonValue | undefined;
}

export interface RunDetail extends RunRow {
  config: JsonObject;
  summary: JsonObject;
  metadata: RunMetadata | null;
  exit_code: number | null;
  /** Someone asked it to stop; it hears of it with its next upload. */
  stop_requested: boolean;
  history_row_count: number;
  log_line_count: number;
  system_row_count: number;
  overwritten_value_count: number;
  forked_from: string | null;
}

export interface RunPatch {
  display_name?: string;
  notes?: string;
  tags?: string[];
  group?: string;
}

export interface RunsQuery {
  search?: string;
  state?: RunState[];
  sort?: { key: string; dir: "asc" | "desc" }[];
  columns?: string[];
  limit?: number;
  cursor?: string;
}

export interface MetricKey {
  key: string;
  kind: "number" | "text" | "histogram" | "media" | "json" | "bool";
  run_count: number;
  last_step: number | null;
}

export interface SeriesPoint {
  step: number;
  x: number;
  value: JsonValue;
}

export interface LogLine {
  number: number;
  timestamp: string | null;
  level: string | null;
  text: string;
}

export interface LogPage {
  total: number;
  items: LogLine[];
}

export interface RunFile {
  name: string;
  size_bytes: number;
  mimetype: string | null;
  updated_at_us: number;
  url: string;
}

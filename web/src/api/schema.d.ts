/** Made by `npm run web-types` from the server's OpenAPI document. Do not edit. */

import type { JsonObject, JsonValue } from "./json";

export interface ApiKey {
  created_at_us: number;
  hint: string;
  id: number;
  last_used_at_us: number | null;
  name: string;
  prefix: string;
}

export interface ApiKeys {
  items: ApiKey[];
}

export interface ConsoleLine {
  label?: string | null;
  level: string | null;
  number: number;
  text: string;
  timestamp: string | null;
}

export interface Credentials {
  password: string;
  username: string;
}

export interface FileRow {
  mimetype: string;
  name: string;
  size_bytes: number;
  updated_at_us: number;
  url: string;
}

export interface Home {
  projects: ProjectRow[];
  running: RunRow[];
}

export interface KeyRequest {
  name?: string;
}

export interface KeySummary {
  key: string;
  kind: "number" | "bool" | "text" | "histogram" | "media" | "json";
  last_step: number;
  run_count: number;
}

export interface LogHits {
  items: number[];
}

export interface LogPage {
  items: ConsoleLine[];
  total: number;
}

export interface Me {
  default_entity: string;
  email: string;
  entities: MyEntity[];
  is_admin: boolean;
  name: string;
  server: ServerFacts;
  username: string;
}

export interface MyEntity {
  kind: "user" | "team" | "organization";
  name: string;
  role: "viewer" | "member" | "admin";
}

export interface Named {
  name: string;
}

export interface NewApiKey {
  id: number;
  key: string;
  name: string;
}

export interface NewOrganization {
  name: string;
  owner: string;
}

export interface NewTeam {
  name: string;
  organization?: string | null;
  owner: string;
  plan?: string | null;
}

export interface NewUser {
  admin?: boolean;
  api_key?: string | null;
  email?: string;
  password?: string | null;
  username: string;
}

export interface OrganizationMember {
  role?: "viewer" | "member" | "admin";
  username: string;
}

export interface PageOfFileRow {
  items: FileRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfKeySummary {
  items: KeySummary[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfProjectRow {
  items: ProjectRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfRunRow {
  items: RunRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PanelQuery {
  id: string;
  key: string;
  px?: number;
  range?: [number, number] | null;
  /** "log" spreads 16-bit levels evenly over log(y). */
  y?: "linear" | "log";
}

export interface ProjectRow {
  entity: string;
  last_activity_us: number;
  project: string;
  run_count: number;
  running_count: number;
}

export interface ResumePoint {
  config?: JsonObject;
  display_name?: string | null;
  entity: string;
  exists: boolean;
  last_step?: number | null;
  notes?: string | null;
  project: string;
  run: string;
  runtime_s?: number;
  state?: "running" | "finished" | "failed" | "crashed" | "killed" | "preempting" | "preempted" | "pending" | null;
  summary?: JsonObject;
  tags?: string[];
}

export interface RowPage {
  items: JsonObject[];
  next_step: number | null;
}

export interface RunDetail {
  color: string | null;
  columns: JsonObject;
  config: JsonObject;
  created_at_us: number;
  display_name: string;
  duration_s: number;
  entity: string;
  exit_code: number | null;
  finished_at_us: number | null;
  forked_from: string | null;
  group: string | null;
  heartbeat_at_us: number;
  history_row_count: number;
  job_type: string | null;
  log_line_count: number;
  metadata: JsonObject;
  name: string;
  notes: string | null;
  overwritten_value_count: number;
  project: string;
  state: "running" | "finished" | "failed" | "crashed" | "killed" | "preempting" | "preempted" | "pending";
  stop_requested: boolean;
  summary: JsonObject;
  sweep: string | null;
  system_row_count: number;
  tags: string[];
  updated_at_us: number;
  username: string | null;
}

export interface RunPatch {
  display_name?: string | null;
  group?: string | null;
  notes?: string | null;
  tags?: string[] | null;
}

export interface RunRow {
  color: string | null;
  columns: JsonObject;
  created_at_us: number;
  display_name: string;
  duration_s: number;
  entity: string;
  finished_at_us: number | null;
  group: string | null;
  heartbeat_at_us: number;
  job_type: string | null;
  name: string;
  notes: string | null;
  project: string;
  state: "running" | "finished" | "failed" | "crashed" | "killed" | "preempting" | "preempted" | "pending";
  sweep: string | null;
  tags: string[];
  updated_at_us: number;
  username: string | null;
}

export interface RunsQuery {
  /** Values to return with each run: config.KEY and summary.KEY. */
  columns?: string[] | null;
  cursor?: string | null;
  /** A filter like {"config.lr": {"$gt": 0.1}, "$or": [{"tags": "best"}, …]} with $and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $exists $regex. */
  filter?: JsonObject | null;
  limit?: number;
  /** Part of a name, in any case; or /regex/, or /regex/i. */
  search?: string | null;
  /** Newest first when empty. Runs without the field come last. */
  sort?: SortBy[] | null;
  state?: ("running" | "finished" | "failed" | "crashed" | "killed" | "preempting" | "preempted" | "pending")[] | null;
}

export interface SeriesPoint {
  step: number;
  value: number | string;
  x: number;
}

export interface SeriesQuery {
  panels: PanelQuery[];
  runs?: string[] | null;
  stream?: "history" | "system";
  top?: number;
  x?: XAxis;
}

export interface ServerFacts {
  base_url: string;
  id: string;
  version: string;
}

export interface SortBy {
  dir?: "asc" | "desc";
  key: string;
}

export interface StopAnswer {
  is_stopping: boolean;
}

export interface UserChanges {
  admin?: boolean | null;
  api_key?: string | null;
  password?: string | null;
}

export interface UserMade {
  admin: boolean;
  api_key?: string | null;
  email: string;
  username: string;
}

export interface XAxis {
  axis?: "step" | "relative" | "wall" | "metric";
  key?: string | null;
}

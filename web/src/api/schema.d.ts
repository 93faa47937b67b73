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

export interface ArtifactType {
  name: string;
  description: string | null;
  collection_count: number;
  version_count: number;
  size_bytes: number;
}

export interface ArtifactTypes {
  items: ArtifactType[];
}

export interface Causes {
  run_from: RunRef | null;
  run_to: RunRef | null;
  inputs: InputChange[];
  config: ValueChange[];
  code: CodeChange | null;
  environment: ValueChange[];
  metrics: MetricChange[];
}

export interface ChangeCounts {
  added: number;
  removed: number;
  changed: number;
  same: number;
}

export interface ClientMapping {
  id: string | null;
}

export interface CodeChange {
  commit_before: string | null;
  commit_after: string | null;
  repo: string | null;
  dirty_before: boolean | null;
  dirty_after: boolean | null;
  program_before: string | null;
  program_after: string | null;
}

export interface Collection {
  name: string;
  entity: string;
  project: string;
  type: string;
  kind: "portfolio" | "sequence";
  description: string | null;
  tags: string[];
  version_count: number;
  latest: VersionHead | null;
  size_bytes: number;
  created_at_us: number;
  updated_at_us: number;
  created_by_run: RunRef | null;
}

export interface CollectionDeleted {
  freed_bytes: number;
  version_count: number;
}

export interface CollectionPatch {
  name?: string | null;
  description?: string | null;
  type?: string | null;
  tags?: string[] | null;
}

export interface CompleteContent {
  md5: string;
  upload_id: string;
  parts: UploadedPart[];
}

export interface ContentAnswer {
  md5: string;
  is_here: boolean;
  url?: string | null;
  upload_id?: string | null;
  part_bytes?: number | null;
  part_urls?: string[];
  birth_id?: string | null;
}

export interface ContentAnswers {
  files: ContentAnswer[];
}

export interface ContentWanted {
  md5: string;
  size_bytes: number;
}

export interface ContentsWanted {
  files: ContentWanted[];
}

export interface Dependents {
  aliases: string[];
  links: Link[];
  used_by: RunRef[];
  used_by_count: number;
  freed_bytes: number;
}

export interface Draft {
  id: string;
  state: "COMMITTED" | "DELETED" | "PENDING" | "PENDING_DELETION";
  version: string | null;
  base_id: string | null;
  latest_id: string | null;
}

export interface Event {
  at_us: number;
  user: string | null;
  run: RunRef | null;
  kind: "alias_added" | "alias_moved" | "alias_removed" | "linked" | "metadata_changed" | "moved" | "renamed" | "ttl_changed" | "unlinked" | "version_deleted" | "version_logged" | "version_restored";
  version: string | null;
  alias: string | null;
  from_version: string | null;
  note: string | null;
}

export interface FileChange {
  path: string;
  size_before: number | null;
  size_after: number | null;
}

export interface FileChanges {
  added: FileChange[];
  removed: FileChange[];
  changed: FileChange[];
  counts: ChangeCounts;
  bytes_added: number;
  bytes_removed: number;
}

export interface FileItem {
  path: string;
  size_bytes: number;
  digest: string;
  ref: string | null;
  extra: JsonObject;
  mimetype: string;
  url: string | null;
  birth_id: string | null;
}

export interface InputChange {
  type: string;
  name: string;
  before: string | null;
  after: string | null;
}

export interface Lineage {
  root: string;
  nodes: LineageNode[];
  edges: LineageEdge[];
  truncated: boolean;
}

export interface LineageEdge {
  from: string;
  to: string;
  kind: "linked" | "logged" | "used";
}

export interface LineageNode {
  id: string;
  kind: "artifact" | "run" | "stack";
  label: string;
  type: string | null;
  version: string | null;
  state: string | null;
  entity: string | null;
  project: string | null;
  name: string | null;
  created_at_us: number | null;
  aliases: string[];
  hidden_count?: number;
}

export interface Link {
  entity: string;
  project: string;
  name: string;
  version: string;
  aliases: string[];
}

export interface MetricChange {
  key: string;
  before: JsonValue;
  after: JsonValue;
  delta: number | null;
}

export interface NewArtifact {
  type: string;
  collection: string;
  digest: string;
  client_id: string;
  digest_algorithm?: string;
  sequence_client_id?: string | null;
  run?: string | null;
  description?: string | null;
  metadata?: JsonObject | null;
  aliases?: string[];
  tags?: string[];
  ttl_s?: number | null;
  history_step?: number | null;
  base?: string | null;
  kind?: "full" | "incremental" | "patch";
  distributed_id?: string | null;
  finalize?: boolean;
}

export interface NewLink {
  source: string;
  aliases?: string[];
  type?: string | null;
}

export interface NewLinkAnswer {
  version: string;
}

export interface NewUse {
  run: RunPath;
  use_as?: string | null;
}

export interface PackStored {
  stored: number;
}

export interface RunArtifacts {
  inputs: VersionRef[];
  outputs: VersionRef[];
}

export interface RunPath {
  entity: string;
  project: string;
  name: string;
}

export interface RunRef {
  entity: string;
  project: string;
  name: string;
  display_name: string;
  state: string;
  job_type: string | null;
  created_at_us: number;
}

export interface StoredContent {
  md5: string;
  size_bytes: number;
}

export interface TrashedVersion {
  version: VersionRef;
  deleted_at_us: number;
  expires_at_us: number;
  deleted_by: string | null;
  freed_bytes: number;
}

export interface TreeItem {
  name: string;
  path: string;
  is_dir: boolean;
  size_bytes: number;
  file_count?: number | null;
  digest?: string | null;
  ref?: string | null;
  mimetype?: string | null;
  url?: string | null;
}

export interface UploadState {
  md5: string;
  size_bytes: number;
  part_bytes: number;
  parts: UploadedPart[];
  part_urls: string[];
}

export interface UploadedPart {
  number: number;
  etag: string;
}

export interface ValueChange {
  key: string;
  before: JsonValue;
  after: JsonValue;
}

export interface Version {
  id: string;
  version: string;
  index: number;
  digest: string;
  state: "COMMITTED" | "DELETED" | "PENDING" | "PENDING_DELETION";
  aliases: string[];
  tags: string[];
  size_bytes: number;
  file_count: number;
  created_at_us: number;
  created_by_run: RunRef | null;
  created_by_user: string | null;
  description: string | null;
  entity: string;
  project: string;
  name: string;
  type: string;
  kind: "portfolio" | "sequence";
  digest_algorithm: string;
  metadata: JsonObject;
  ttl_s: number | null;
  ttl_is_inherited: boolean;
  history_step: number | null;
  history_index: number;
  updated_at_us: number;
  expires_at_us: number | null;
  source: VersionRef;
  links: Link[];
  manifest_url: string;
}

export interface VersionDeleted {
  freed_bytes: number;
  expires_at_us: number;
}

export interface VersionDiff {
  from: VersionHead;
  to: VersionHead;
  files: FileChanges;
  metadata: ValueChange[];
  description: ValueChange | null;
  causes: Causes;
}

export interface VersionHead {
  id: string;
  version: string;
  index: number;
  digest: string;
  state: "COMMITTED" | "DELETED" | "PENDING" | "PENDING_DELETION";
  aliases: string[];
  tags: string[];
  size_bytes: number;
  file_count: number;
  created_at_us: number;
  created_by_run: RunRef | null;
  created_by_user: string | null;
  description: string | null;
}

export interface VersionPatch {
  description?: string | null;
  metadata?: JsonObject | null;
  ttl_s?: number | null;
  tags_add?: string[];
  tags_remove?: string[];
  aliases_add?: string[];
  aliases_remove?: string[];
  note?: string | null;
}

export interface VersionRef {
  entity: string;
  project: string;
  name: string;
  version: string;
  id: string;
  type: string;
  aliases?: string[];
  size_bytes?: number;
  created_at_us?: number;
  use_as?: string | null;
}

export interface ColumnHead {
  media_type?: string | null;
  name: string;
  type: "number" | "string" | "boolean" | "media" | "json" | "datetime";
}

export interface CutCell {
  chars: number;
  column: number;
  row: number;
}

export interface TableRows {
  columns: ColumnHead[];
  cut: CutCell[];
  row_ids: number[];
  rows: JsonValue[][];
  total: number;
  total_unfiltered: number;
}

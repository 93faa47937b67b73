/** Made by `npm run web-types` from the server's OpenAPI document. Do not edit. */

import type { JsonObject, JsonValue } from "./json";

export interface AgentBeat {
  ended?: Record<string, "finished" | "failed" | "stopped" | "preempted">;
  running?: string[];
  wants_work?: boolean;
}

export interface AgentCommand {
  args?: Record<string, JsonObject> | null;
  is_early?: boolean;
  program?: string | null;
  reason?: string | null;
  run_id?: string | null;
  type: "run" | "resume" | "stop" | "exit";
}

export interface AgentRow {
  created_at_us: number;
  heartbeat_at_us: number;
  host: string;
  name: string;
  run_count: number;
  state: "running" | "finished" | "lost";
}

export interface AgentWork {
  commands: AgentCommand[];
  waits?: string | null;
}

export interface Aggregate {
  column: string;
  fn: "count" | "nulls" | "distinct" | "sum" | "mean" | "min" | "max" | "std" | "median" | "first";
}

export interface Amounts {
  gpu_hours?: number | null;
  hours?: number | null;
  runs?: number | null;
  usd?: number | null;
}

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

export interface Approval {
  approved: boolean;
}

export interface ArtifactType {
  collection_count: number;
  description: string | null;
  name: string;
  size_bytes: number;
  version_count: number;
}

export interface ArtifactTypes {
  items: ArtifactType[];
}

export interface BestStep {
  ended: number;
  hours: number;
  run: string;
  run_hours: number;
  value: number;
}

export interface BisectStep {
  before: string | null;
  causes: CauseCounts | null;
  delta: number | null;
  value: JsonValue;
  version: VersionHead;
}

export interface Bisection {
  items: BisectStep[];
  metrics: string[];
  next_cursor: string | null;
  total: number;
}

export interface BracketRow {
  iteration: number;
  passed: number;
  reached: number;
  stopped: number;
  threshold: number | null;
}

export interface BracketsAnswer {
  brackets: BracketRow[];
  goal: string | null;
  is_continuous: boolean;
  is_cut: boolean;
  iterations: number[];
  iterations_run: number;
  iterations_saved: number;
  longest: number;
  metric: string | null;
  rule: "hyperband" | "asha" | "median" | "predictive" | null;
  runs: number;
  stopped: StoppedRun[];
}

export interface Brushed {
  config?: string | null;
  parameters: Record<string, Kept>;
}

export interface BudgetAlert {
  at_us: number;
  kind: "runs" | "hours" | "gpu_hours" | "usd";
  limit: number;
  spent: number;
  threshold: number;
}

export interface BudgetReport {
  alerts: BudgetAlert[];
  committed: Amounts;
  limits: Amounts;
  per_run: Amounts;
  per_run_from: "sweep" | "project" | null;
  projected_end_at_us: number | null;
  projected_spend: Amounts;
  reason: string | null;
  saved: Amounts;
  spent: Amounts;
  state: "unlimited" | "open" | "waits" | "spent";
  unpriced_runs: number;
}

export interface CauseCounts {
  code: number;
  config: number;
  environment: number;
  inputs: number;
}

export interface Causes {
  code: CodeChange | null;
  config: ValueChange[];
  environment: ValueChange[];
  inputs: InputChange[];
  metrics: MetricChange[];
  run_from: RunRef | null;
  run_to: RunRef | null;
}

export interface ChangeCounts {
  added: number;
  changed: number;
  removed: number;
  same: number;
}

export interface ChangedRow {
  after: JsonValue[] | null;
  after_row: number | null;
  before: JsonValue[] | null;
  before_row: number | null;
  change: string;
  columns: string[];
}

export interface CheckedConfig {
  is_valid: boolean;
  remarks: Remark[];
  run_count_expected: number | null;
}

export interface ClientMapping {
  id: string | null;
}

export interface CodeChange {
  commit_after: string | null;
  commit_before: string | null;
  dirty_after: boolean | null;
  dirty_before: boolean | null;
  program_after: string | null;
  program_before: string | null;
  repo: string | null;
}

export interface Collection {
  created_at_us: number;
  created_by_run: RunRef | null;
  description: string | null;
  entity: string;
  kind: "sequence" | "portfolio";
  latest: VersionHead | null;
  name: string;
  project: string;
  size_bytes: number;
  tags: string[];
  type: string;
  updated_at_us: number;
  version_count: number;
}

export interface CollectionDeleted {
  freed_bytes: number;
  version_count: number;
}

export interface CollectionDependents {
  alias_count: number;
  aliases: string[];
  freed_bytes: number;
  link_count: number;
  links: Link[];
  used_by: RunRef[];
  used_by_count: number;
  version_count: number;
}

export interface CollectionPatch {
  description?: string | null;
  name?: string | null;
  tags?: string[] | null;
  type?: string | null;
}

export interface CollectionUsage {
  freed_bytes: number;
  is_in_trash: boolean;
  name: string;
  shared_bytes: number;
  size_bytes: number;
  trash_bytes: number;
  trash_ends_at_us: number | null;
  trash_version_count: number;
  type: string;
  version_count: number;
}

export interface Column {
  distinct?: number | null;
  histogram?: Histogram | null;
  max?: number | string | null;
  media_type?: string | null;
  min?: number | string | null;
  name: string;
  null_count?: number;
  type: "number" | "string" | "boolean" | "media" | "json" | "datetime";
}

export interface ColumnHead {
  media_type?: string | null;
  name: string;
  type: "number" | "string" | "boolean" | "media" | "json" | "datetime";
}

export interface ComparedSweep {
  best: BestStep[];
  display_name: string | null;
  ended: number;
  front: FrontRun[];
  history: VolumeStep[];
  hours: number;
  hypervolume: number;
  method: string;
  missing: string[];
  name: string;
  run_hours: number;
  state: "pending" | "running" | "paused" | "finished" | "canceled";
}

export interface ComparisonAnswer {
  metrics: FrontMetric[];
  metrics_known: FrontMetric[];
  reference: number[] | null;
  sweeps: ComparedSweep[];
}

export interface CompleteContent {
  md5: string;
  parts: UploadedPart[];
  upload_id: string;
}

export interface ConfigText {
  config: string;
}

export interface ConsoleLine {
  label?: string | null;
  level: string | null;
  number: number;
  text: string;
  timestamp: string | null;
}

export interface ContentAnswer {
  birth_id?: string | null;
  is_here: boolean;
  md5: string;
  part_bytes?: number | null;
  part_urls?: string[];
  upload_id?: string | null;
  url?: string | null;
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

export interface Credentials {
  password: string;
  username: string;
}

export interface CutCell {
  chars: number;
  column: number;
  row: number;
}

export interface Dependents {
  aliases: string[];
  freed_bytes: number;
  links: Link[];
  used_by: RunRef[];
  used_by_count: number;
}

export interface DiffQuery {
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  after: string;
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  before: string;
  /** Longer texts are cut, and listed in `cut`. */
  cell_chars?: number;
  change?: "added" | "removed" | "changed" | null;
  limit?: number;
  offset?: number;
  on?: string[] | null;
}

export interface Draft {
  base_id: string | null;
  id: string;
  latest_id: string | null;
  state: "PENDING" | "COMMITTED" | "PENDING_DELETION" | "DELETED";
  version: string | null;
}

export interface Event {
  alias: string | null;
  at_us: number;
  from_version: string | null;
  kind: "alias_added" | "alias_moved" | "alias_removed" | "version_logged" | "version_deleted" | "version_restored" | "renamed" | "moved" | "linked" | "unlinked" | "metadata_changed" | "ttl_changed";
  note: string | null;
  run: RunRef | null;
  user: string | null;
  version: string | null;
}

export interface FacetItem {
  count: number;
  value: JsonValue;
}

export interface FacetQuery {
  column: string;
  limit?: number;
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  ref: string;
  search?: string | null;
  /** `{"and": […]}`, `{"or": […]}`, `{"not": …}` or `{"column", "op", "value"}`; op is one of = != < <= > >= in contains regex is_null */
  where?: JsonObject | null;
}

export interface FileChange {
  path: string;
  size_after: number | null;
  size_before: number | null;
}

export interface FileChanges {
  added: FileChange[];
  bytes_added: number;
  bytes_removed: number;
  changed: FileChange[];
  counts: ChangeCounts;
  removed: FileChange[];
}

export interface FileItem {
  birth_id: string | null;
  digest: string;
  extra: JsonObject;
  mimetype: string;
  path: string;
  ref: string | null;
  size_bytes: number;
  url: string | null;
}

export interface FileRow {
  mimetype: string;
  name: string;
  size_bytes: number;
  updated_at_us: number;
  url: string;
}

export interface Forecast {
  affordable_runs: number | null;
  ended_by: string | null;
  history_runs: number;
  per_run: Amounts;
  priced_runs: number;
  runs: number | null;
  total: Amounts;
}

export interface FrontMetric {
  goal: "minimize" | "maximize";
  name: string;
}

export interface FrontRun {
  index: number;
  run: string;
  values: number[];
}

export interface GridAxis {
  kind: "number" | "category";
  name: string;
  scale: "linear" | "log";
  values: JsonValue[];
}

export interface Histogram {
  counts: number[];
  edges: number[];
}

export interface Home {
  projects: ProjectRow[];
  running: RunRow[];
}

export interface Importance {
  distinct: number;
  high: number;
  kind: "number" | "category";
  low: number;
  name: string;
  note: string;
  pearson: number | null;
  runs: number;
  share: number;
  spearman: number | null;
}

export interface ImportanceAnswer {
  goal: "minimize" | "maximize";
  importances: Importances;
  metric: string;
  metrics: string[];
}

export interface Importances {
  explained: number;
  items: Importance[];
  note: string;
  runs: number;
}

export interface Imported {
  changed: number;
  sweep: SweepDetail;
}

export interface ImportedAgent {
  created_at_us: number;
  heartbeat_at_us: number;
  host: string;
  name: string;
}

export interface ImportedTrial {
  agent: string;
  attempts: number;
  config: JsonObject;
  created_at_us: number;
  earlier_runs?: string[];
  ended_at_us?: number | null;
  index: number;
  is_judged?: boolean;
  is_resumable?: boolean;
  kind: string;
  mean?: number | null;
  outcomes?: Record<string, number>;
  reason: string;
  run: string;
  seconds?: number | null;
  started_at_us: number;
  state: "leased" | "running" | "lost" | "finished" | "failed" | "stopped";
  std?: number | null;
  stop_reason?: string | null;
  values?: (number | null)[];
}

export interface InputChange {
  after: string | null;
  before: string | null;
  name: string;
  type: string;
}

export interface JoinQuery {
  /** Longer texts are cut, and listed in `cut`. */
  cell_chars?: number;
  compare?: string | null;
  higher_is_better?: boolean;
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  left: string;
  limit?: number;
  offset?: number;
  on: string[];
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  right: string;
  sort?: Sort[];
  /** `{"and": […]}`, `{"or": […]}`, `{"not": …}` or `{"column", "op", "value"}`; op is one of = != < <= > >= in contains regex is_null */
  where?: JsonObject | null;
}

export interface JoinedRow {
  left: JsonValue[] | null;
  left_row: number | null;
  outcome: string;
  right: JsonValue[] | null;
  right_row: number | null;
}

export interface JoinedTable {
  differs: number;
  incomparable: number;
  left_columns: ColumnHead[];
  left_only: number;
  lose: number;
  right_columns: ColumnHead[];
  right_only: number;
  rows: JoinedRow[];
  tie: number;
  total: number;
  warnings: string[];
  win: number;
}

export interface Kept {
  ranges?: ([number, number])[];
  values?: JsonValue[] | null;
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

export interface Leaderboard {
  formula: string | null;
  goal: "minimize" | "maximize";
  metric: string;
  rows: LeaderboardRow[];
  total: number;
  warnings: string[];
}

export interface LeaderboardRow {
  accepted: boolean;
  config: JsonObject;
  index: number;
  mean: number | null;
  n: number;
  rank: number | null;
  reason: string;
  runs: string[];
  std: number | null;
  value: number | null;
}

export interface Lineage {
  edges: LineageEdge[];
  nodes: LineageNode[];
  root: string;
  truncated: boolean;
}

export interface LineageEdge {
  from: string;
  kind: "used" | "logged" | "linked";
  to: string;
}

export interface LineageNode {
  aliases: string[];
  created_at_us: number | null;
  entity: string | null;
  hidden_count?: number;
  id: string;
  kind: "artifact" | "run" | "stack";
  label: string;
  name: string | null;
  project: string | null;
  state: string | null;
  type: string | null;
  version: string | null;
}

export interface Link {
  aliases: string[];
  entity: string;
  name: string;
  project: string;
  version: string;
}

export interface LogHits {
  items: number[];
}

export interface LogPage {
  items: ConsoleLine[];
  total: number;
}

export interface LoggedValues {
  known: string[];
  runs: string[];
  values: Record<string, (number | null)[]>;
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

export interface MediaAt {
  key: string;
  runs: RunMedia[];
  step: number;
  total: number;
}

export interface MediaItem {
  about: JsonObject;
  boxes: JsonObject;
  caption: string | null;
  kind: "image" | "audio" | "video" | "html" | "plotly" | "molecule" | "object3D" | "bokeh" | "table" | "histogram" | "graph" | "file";
  masks: JsonObject;
  page_url: string | null;
  path: string | null;
  table_refs: string[];
  thumbnail_url: string | null;
  type: string;
  url: string | null;
}

export interface MediaKey {
  key: string;
  kind: "image" | "audio" | "video" | "html" | "plotly" | "molecule" | "object3D" | "bokeh" | "table" | "histogram" | "graph" | "file";
  run_count: number;
  step_count: number;
  steps: number[];
}

export interface MediaKeyQuery {
  cursor?: string | null;
  keys?: string[] | null;
  limit?: number | null;
  runs?: string[] | null;
}

export interface MediaQuery {
  exact?: boolean;
  key: string;
  limit?: number | null;
  offset?: number;
  runs?: string[] | null;
  step: number;
}

export interface MetricChange {
  after: JsonValue;
  before: JsonValue;
  delta: number | null;
  key: string;
}

export interface MetricColumn {
  cells: (number | null)[];
  expression: string | null;
  goal: "minimize" | "maximize";
  name: string;
  spread: (number | null)[] | null;
  target: number | null;
}

export interface MyEntity {
  kind: "user" | "team" | "organization";
  name: string;
  role: "viewer" | "member" | "admin";
}

export interface Named {
  name: string;
}

export interface NarrowedConfig {
  config: string;
  notes: string[];
}

export interface NewAgent {
  host?: string;
}

export interface NewApiKey {
  id: number;
  key: string;
  name: string;
}

export interface NewArtifact {
  aliases?: string[];
  base?: string | null;
  client_id: string;
  collection: string;
  description?: string | null;
  digest: string;
  digest_algorithm?: string;
  distributed_id?: string | null;
  finalize?: boolean;
  history_step?: number | null;
  kind?: "full" | "incremental" | "patch";
  metadata?: JsonObject | null;
  run?: string | null;
  sequence_client_id?: string | null;
  tags?: string[];
  ttl_s?: number | null;
  type: string;
}

export interface NewLink {
  aliases?: string[];
  source: string;
  type?: string | null;
}

export interface NewLinkAnswer {
  version: string;
}

export interface NewOrganization {
  name: string;
  owner: string;
}

export interface NewPrice {
  kind: "gpu" | "host";
  name: string;
  source?: string;
  usd_per_hour: number;
}

export interface NewSweep {
  /** The configuration: YAML or JSON as a text, or the same as an object */
  config: string | JsonObject;
  description?: string | null;
  display_name?: string | null;
  prior_runs?: string[];
}

export interface NewTeam {
  name: string;
  organization?: string | null;
  owner: string;
  plan?: string | null;
}

export interface NewUse {
  run: RunPath;
  use_as?: string | null;
}

export interface NewUser {
  admin?: boolean;
  api_key?: string | null;
  email?: string;
  password?: string | null;
  username: string;
}

export interface NextOfSeveral {
  agents: SeatBeat[];
}

export interface OrganizationMember {
  role?: "viewer" | "member" | "admin";
  username: string;
}

export interface PackStored {
  stored: number;
}

export interface PackWanted {
  paths: string[];
}

export interface PageOfAgentRow {
  items: AgentRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfCollection {
  items: Collection[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfEvent {
  items: Event[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfFileItem {
  items: FileItem[];
  next_cursor?: string | null;
  total?: number | null;
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

export interface PageOfMediaKey {
  items: MediaKey[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfPhaseRow {
  items: PhaseRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfPrice {
  items: Price[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfProjectRow {
  items: ProjectRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfRunRef {
  items: RunRef[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfRunRow {
  items: RunRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfSweepConfigRow {
  items: SweepConfigRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfSweepEventRow {
  items: SweepEventRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfSweepOverview {
  items: SweepOverview[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfSweepRow {
  items: SweepRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfTrashedVersion {
  items: TrashedVersion[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfTreeItem {
  items: TreeItem[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfTrialRow {
  items: TrialRow[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfVersionHead {
  items: VersionHead[];
  next_cursor?: string | null;
  total?: number | null;
}

export interface PageOfWeightingRow {
  items: WeightingRow[];
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

export interface ParameterColumn {
  cells: JsonValue[];
  distribution: string | null;
  high: number | null;
  kind: "number" | "integer" | "category" | "constant";
  low: number | null;
  name: string;
  scale: "linear" | "log";
  values: JsonValue[];
}

export interface ParetoAnswer {
  front: FrontRun[];
  history: VolumeStep[];
  hypervolume: number;
  infeasible: number;
  lacking: number;
  metrics: FrontMetric[];
  metrics_known: FrontMetric[];
  reference: number[] | null;
  runs: number;
}

export interface PhaseRow {
  finished_at_us: number | null;
  fraction: number;
  gate: string | null;
  index: number;
  name: string;
  parents: number[];
  ranges: JsonObject;
  reason: string | null;
  runs: number | null;
  started_at_us: number | null;
  state: "running" | "finished" | "waiting" | "refused" | null;
  username: string | null;
}

export interface Price {
  kind: "gpu" | "host";
  name: string;
  source?: string;
  updated_at_us?: number;
  usd_per_hour: number;
}

export interface ProjectRow {
  entity: string;
  last_activity_us: number;
  project: string;
  run_count: number;
  running_count: number;
}

export interface ProjectStorage {
  collection_count: number;
  collections: CollectionUsage[];
  run_count: number;
  runs: RunUsage[];
  usage: ProjectUsage;
}

export interface ProjectUsage {
  artifact_bytes: number;
  entity: string;
  file_bytes: number;
  freed_bytes: number;
  history_bytes: number;
  project: string;
  size_bytes: number;
  trash_bytes: number;
  trash_ends_at_us: number | null;
}

export interface QueueDepth {
  agents: number;
  depth: number | null;
  priority: number;
  queued: number;
  reason: string | null;
  running: number;
  state: "pending" | "running" | "paused" | "finished" | "canceled";
  suggested_replicas: number;
}

export interface QueuedRun {
  run: string;
}

export interface Remark {
  line: number | null;
  message: string;
  path: string;
  severity: "error" | "warning" | "hint";
  suggestion?: string | null;
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

export interface RunArtifacts {
  inputs: VersionRef[];
  outputs: VersionRef[];
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

export interface RunMedia {
  items: MediaItem[];
  run: string;
  step: number;
}

export interface RunPatch {
  display_name?: string | null;
  group?: string | null;
  notes?: string | null;
  tags?: string[] | null;
}

export interface RunPath {
  entity: string;
  name: string;
  project: string;
}

export interface RunRef {
  created_at_us: number;
  display_name: string;
  entity: string;
  job_type: string | null;
  name: string;
  project: string;
  state: string;
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

export interface RunUsage {
  created_at_us: number;
  display_name: string;
  file_bytes: number;
  freed_bytes: number;
  history_bytes: number;
  logged_bytes: number;
  name: string;
  shared_bytes: number;
  size_bytes: number;
  state: string;
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

export interface SavedVersion {
  collection: string;
  entity: string;
  file_count: number;
  id: string;
  project: string;
  ref: string;
  row_count: number;
  version: string;
}

export interface SeatBeat {
  agent: string;
  ended?: Record<string, "finished" | "failed" | "stopped" | "preempted">;
  entity: string;
  project: string;
  running?: string[];
  sweep: string;
  wants_work?: boolean;
}

export interface SeatWork {
  agent: string;
  commands: AgentCommand[];
  sweep: string;
  waits: string | null;
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

export interface Sort {
  column: string;
  desc?: boolean;
}

export interface SortBy {
  dir?: "asc" | "desc";
  key: string;
}

export interface StopAnswer {
  is_stopping: boolean;
}

export interface StoppedRun {
  bracket: number | null;
  ended_at_us: number | null;
  index: number;
  iterations: number;
  last: number | null;
  reason: string;
  run: string;
}

export interface StorageOverview {
  blobs_url: string | null;
  content_bytes: number;
  database_bytes: number | null;
  disk_free_bytes: number | null;
  history_bytes: number;
  is_whole_server: boolean;
  project_count: number;
  projects: ProjectUsage[];
  size_bytes: number;
  trash_bytes: number;
}

export interface StoredContent {
  md5: string;
  size_bytes: number;
}

export interface Surface {
  explained: number;
  fitted: number;
  high: ((number | null)[])[];
  low: ((number | null)[])[];
  mean: ((number | null)[])[];
  note: string;
  runs: number;
  x: GridAxis;
  y: GridAxis | null;
}

export interface SurfaceAnswer {
  goal: "minimize" | "maximize";
  metric: string;
  surface: Surface;
}

export interface SweepConfigRow {
  config: string;
  created_at_us: number;
  username: string | null;
  version: number;
}

export interface SweepDetail {
  agent_count: number;
  config: string;
  config_name: string | null;
  config_version: number;
  created_at_us: number;
  description: string | null;
  display_name: string | null;
  entity: string;
  exhausted_reason: string | null;
  finished_at_us: number | null;
  formula: string | null;
  is_local: boolean;
  method: string;
  metrics: SweepMetric[];
  name: string;
  objective: SweepMetric | null;
  phase: string | null;
  prior_runs: string[];
  program: string | null;
  project: string;
  run_count: number;
  run_count_expected: number | null;
  run_limit: number | null;
  seed: number;
  state: "pending" | "running" | "paused" | "finished" | "canceled";
  trial_count: number;
  trial_counts: Record<string, number>;
  updated_at_us: number;
  username: string | null;
  warnings: string[];
  weighting: string | null;
}

export interface SweepEventRow {
  best: JsonObject | null;
  created_at_us: number;
  details: JsonObject;
  kind: "finished" | "canceled" | "phase_began" | "phase_waits" | "phase_refused" | "weighting";
}

export interface SweepImport {
  agents?: ImportedAgent[];
  config: string;
  created_at_us: number;
  exhausted_reason?: string | null;
  finished_at_us?: number | null;
  is_last?: boolean;
  seed: number;
  state: "pending" | "running" | "paused" | "finished" | "canceled";
  trials?: ImportedTrial[];
}

export interface SweepMetric {
  best?: number | null;
  goal: "minimize" | "maximize";
  name: string;
  target: number | null;
}

export interface SweepOverview {
  progress: SweepProgress;
  sweep: SweepRow;
}

export interface SweepPatch {
  /** The configuration: YAML or JSON as a text, or the same as an object */
  config?: string | JsonObject | null;
  description?: string | null;
  display_name?: string | null;
  state?: "pending" | "running" | "paused" | "finished" | "canceled" | null;
}

export interface SweepProgress {
  best: number | null;
  budget: Record<string, number>;
  config_name: string | null;
  goal: "minimize" | "maximize" | null;
  metric: string | null;
  run_limit: number | null;
  trial_counts: Record<string, number>;
}

export interface SweepQuota {
  runs_max?: number | null;
}

export interface SweepRow {
  config_version: number;
  created_at_us: number;
  description: string | null;
  display_name: string | null;
  entity: string;
  exhausted_reason: string | null;
  finished_at_us: number | null;
  method: string;
  name: string;
  project: string;
  run_count_expected: number | null;
  state: "pending" | "running" | "paused" | "finished" | "canceled";
  trial_count: number;
  updated_at_us: number;
  username: string | null;
}

export interface TableDiff {
  added: number;
  after_columns: ColumnHead[];
  before_columns: ColumnHead[];
  changed: number;
  columns_added: string[];
  columns_removed: string[];
  on: string[];
  removed: number;
  rows: ChangedRow[];
  same: number;
  total: number;
  warnings: string[];
}

export interface TableFacet {
  items: FacetItem[];
  kind: string;
  null_count: number;
  other_count: number;
}

export interface TableQuery {
  aggregates?: Aggregate[];
  /** Longer texts are cut, and listed in `cut`. */
  cell_chars?: number;
  columns?: string[] | null;
  group_by?: string[];
  limit?: number;
  offset?: number;
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  ref: string;
  search?: string | null;
  sort?: Sort[];
  /** `{"and": […]}`, `{"or": […]}`, `{"not": …}` or `{"column", "op", "value"}`; op is one of = != < <= > >= in contains regex is_null */
  where?: JsonObject | null;
}

export interface TableRows {
  columns: ColumnHead[];
  cut: CutCell[];
  row_ids: number[];
  rows: JsonValue[][];
  total: number;
  total_unfiltered: number;
}

export interface TableSave {
  aliases?: string[];
  collection: string;
  columns?: string[] | null;
  description?: string | null;
  entity: string;
  name?: string;
  project: string;
  /** `run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH` */
  ref: string;
  search?: string | null;
  sort?: Sort[];
  type?: string;
  /** `{"and": […]}`, `{"or": […]}`, `{"not": …}` or `{"column", "op", "value"}`; op is one of = != < <= > >= in contains regex is_null */
  where?: JsonObject | null;
}

export interface TableSchema {
  columns: Column[];
  ref: string;
  row_count: number;
  warnings: string[];
}

export interface TrashedVersion {
  deleted_at_us: number;
  deleted_by: string | null;
  expires_at_us: number;
  freed_bytes: number;
  version: VersionRef;
}

export interface TreeItem {
  digest?: string | null;
  file_count?: number | null;
  is_dir: boolean;
  mimetype?: string | null;
  name: string;
  path: string;
  ref?: string | null;
  size_bytes: number;
  url?: string | null;
}

export interface TrialColumns {
  agent: (string | null)[];
  attempts: number[];
  config_version: number;
  created_at_us: number[];
  display_name: (string | null)[];
  duration_s: (number | null)[];
  ended_at_us: (number | null)[];
  expected_mean: (number | null)[];
  expected_std: (number | null)[];
  fold_runs: string[][] | null;
  gpu: (string | null)[];
  gpu_hours: (number | null)[];
  host: (string | null)[];
  index: number[];
  kind: string[];
  metrics: MetricColumn[];
  next_cursor: string | null;
  outcomes: Record<string, (number | null)[]>;
  parameters: ParameterColumn[];
  reason: string[];
  run: string[];
  run_state: (string | null)[];
  slurm_job: (string | null)[];
  slurm_task: (string | null)[];
  started_at_us: (number | null)[];
  state: ("queued" | "leased" | "running" | "lost" | "finished" | "failed" | "stopped")[];
  stop_reason: (string | null)[];
  tokens: (number | null)[];
  total: number;
  trial_config_version: number[];
  usd: (number | null)[];
}

export interface TrialRow {
  agent: string | null;
  attempts: number;
  config: JsonObject;
  config_version: number;
  created_at_us: number;
  duration_s: number | null;
  earlier_runs: string[];
  ended_at_us: number | null;
  expected_mean: number | null;
  expected_std: number | null;
  index: number;
  kind: string;
  lease_until_us: number | null;
  outcomes: Record<string, number>;
  parent_index: number | null;
  phase: number | null;
  reason: string;
  run: string;
  score: TrialScore | null;
  started_at_us: number | null;
  state: "queued" | "leased" | "running" | "lost" | "finished" | "failed" | "stopped";
  stop_reason: string | null;
  trial_index: number;
  value: number | null;
  values: (number | null)[];
  warnings: string[];
}

export interface TrialScore {
  accepted: boolean;
  expected: number;
  failed: number;
  mean: number | null;
  n: number;
  objective: number | null;
  reason: string;
  state: "pending" | "running" | "finished" | "failed" | "stopped";
  std: number | null;
}

export interface UploadState {
  md5: string;
  part_bytes: number;
  part_urls: string[];
  parts: UploadedPart[];
  size_bytes: number;
}

export interface UploadedPart {
  etag: string;
  number: number;
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

export interface ValueChange {
  after: JsonValue;
  before: JsonValue;
  key: string;
}

export interface Version {
  aliases: string[];
  created_at_us: number;
  created_by_run: RunRef | null;
  created_by_user: string | null;
  description: string | null;
  digest: string;
  digest_algorithm: string;
  entity: string;
  expires_at_us: number | null;
  file_count: number;
  history_index: number;
  history_step: number | null;
  id: string;
  index: number;
  kind: "sequence" | "portfolio";
  links: Link[];
  manifest_url: string;
  metadata: JsonObject;
  name: string;
  project: string;
  size_bytes: number;
  source: VersionRef;
  state: "PENDING" | "COMMITTED" | "PENDING_DELETION" | "DELETED";
  tags: string[];
  ttl_is_inherited: boolean;
  ttl_s: number | null;
  type: string;
  updated_at_us: number;
  version: string;
}

export interface VersionDeleted {
  expires_at_us: number;
  freed_bytes: number;
}

export interface VersionDiff {
  causes: Causes;
  description: ValueChange | null;
  files: FileChanges;
  from: VersionHead;
  metadata: ValueChange[];
  to: VersionHead;
}

export interface VersionHead {
  aliases: string[];
  created_at_us: number;
  created_by_run: RunRef | null;
  created_by_user: string | null;
  description: string | null;
  digest: string;
  file_count: number;
  id: string;
  index: number;
  size_bytes: number;
  state: "PENDING" | "COMMITTED" | "PENDING_DELETION" | "DELETED";
  tags: string[];
  version: string;
}

export interface VersionPatch {
  aliases_add?: string[];
  aliases_remove?: string[];
  description?: string | null;
  metadata?: JsonObject | null;
  note?: string | null;
  tags_add?: string[];
  tags_remove?: string[];
  ttl_s?: number | null;
}

export interface VersionRef {
  aliases?: string[];
  created_at_us?: number;
  entity: string;
  id: string;
  name: string;
  project: string;
  size_bytes?: number;
  type: string;
  use_as?: string | null;
  version: string;
}

export interface VolumeStep {
  ended: number;
  hypervolume: number;
}

export interface WantedRun {
  config: JsonObject;
  display_name?: string | null;
}

export interface WeightingBody {
  expression?: string | null;
  goal?: "minimize" | "maximize" | null;
  is_default?: boolean;
  weights?: Record<string, number>;
}

export interface WeightingRow {
  expression: string | null;
  formula: string | null;
  goal: "minimize" | "maximize" | null;
  is_default: boolean;
  name: string;
  updated_at_us: number;
  username: string | null;
  weights: Record<string, number>;
}

export interface WorkOfSeveral {
  work: SeatWork[];
}

export interface XAxis {
  axis?: "step" | "relative" | "wall" | "metric";
  key?: string | null;
}

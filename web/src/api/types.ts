/** Names for the shapes of `/api/v1`. The shapes themselves are in schema.d.ts, made from the server's OpenAPI document. */

import type { JsonValue } from "./json";
import type {
  ConsoleLine,
  FileRow,
  KeySummary,
  PageOfRunRow,
  RunPatch,
  RunRow,
  SweepRow,
  TrialRow,
} from "./schema";

export type { JsonObject, JsonValue } from "./json";
export type {
  Aggregate,
  ApiKey,
  ApiKeys,
  ArtifactType,
  ArtifactTypes,
  Bisection,
  BisectStep,
  CauseCounts,
  Causes,
  ChangedRow,
  CheckedConfig,
  Collection,
  CollectionDeleted,
  CollectionDependents,
  CollectionPatch,
  Column as TableColumn,
  ColumnHead,
  Dependents,
  Event as ArtifactEvent,
  FacetItem,
  FacetQuery,
  FileChange,
  FileChanges,
  FileItem,
  Home,
  InputChange,
  JoinedRow,
  JoinedTable,
  JoinQuery,
  Lineage,
  LineageEdge,
  LineageNode,
  Link as ArtifactLink,
  LogHits,
  LogPage,
  Me,
  MediaAt,
  MediaItem,
  MediaKey,
  MediaQuery,
  MetricChange,
  NarrowedConfig,
  NewApiKey,
  PageOfMediaKey,
  ProjectRow,
  RunArtifacts,
  RunDetail,
  RunMedia,
  RunPatch,
  RunRef as RunHead,
  RunRow,
  RunsQuery,
  SavedVersion,
  SeriesPoint,
  SeriesQuery,
  Sort as TableSort,
  SweepDetail,
  SweepOverview,
  SweepPatch,
  SweepRow,
  TableDiff,
  TableFacet,
  TableQuery,
  TableRows,
  TableSave,
  TableSchema,
  TrashedVersion,
  TreeItem,
  TrialColumns as RawTrialColumns,
  ValueChange,
  Version,
  VersionDeleted,
  VersionDiff,
  VersionHead,
  VersionPatch,
  VersionRef,
} from "./schema";

export type Page<T> = Omit<PageOfRunRow, "items"> & { items: T[] };
export type RunState = RunRow["state"];
export type SweepState = SweepRow["state"];
export type TrialState = TrialRow["state"];
export type MetricKey = KeySummary;
export type LogLine = ConsoleLine;
export type RunFile = FileRow;

/** A change of one field that a person made: a value, never "leave it as it is". */
export type RunEdit = { [F in keyof RunPatch]?: NonNullable<RunPatch[F]> };

/** The known parts of `RunDetail.metadata`, which holds whatever the client told. */
export interface RunMetadata {
  host?: string | null;
  os?: string | null;
  python?: string | null;
  program?: string | null;
  args?: readonly string[] | null;
  git?: {
    commit?: string | null;
    remote?: string | null;
    branch?: string | null;
    dirty?: boolean | null;
  } | null;
  gpu?: JsonValue;
  gpu_count?: number | null;
}

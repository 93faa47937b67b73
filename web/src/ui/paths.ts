/** Addresses of pages. Names may hold any character, so each is escaped here and nowhere else. */

import { pathOf } from "../api/client";

export interface RunRef {
  entity: string;
  project: string;
  run: string;
}

export type RunTab = "overview" | "charts" | "system" | "logs" | "files" | "artifacts";

/** Where a version of an artifact is; `version` may be an alias. */
export interface VersionAddress {
  entity: string;
  project: string;
  type: string;
  name: string;
  version: string;
}

export type ArtifactTab =
  | "overview"
  | "versions"
  | "files"
  | "lineage"
  | "usage"
  | "metadata"
  | "diff"
  | "bisect";

export function entityPath(entity: string): string {
  return pathOf(entity);
}

export function projectPath(entity: string, project: string): string {
  return pathOf(entity, project);
}

export function runPath({ entity, project, run }: RunRef, tab?: RunTab): string {
  return pathOf(entity, project, "runs", run, ...(tab === undefined ? [] : [tab]));
}

export function sweepsPath(entity: string, project: string): string {
  return pathOf(entity, project, "sweeps");
}

export function artifactsPath(entity: string, project: string): string {
  return pathOf(entity, project, "artifacts");
}

/** Beside and not below the artifacts: there it would be a type. */
export function artifactTrashPath(entity: string, project: string): string {
  return pathOf(entity, project, "artifact-trash");
}

export function versionPath(address: VersionAddress, tab: ArtifactTab = "overview"): string {
  const { entity, project, type, name, version } = address;
  return pathOf(entity, project, "artifacts", type, name, version, tab);
}

/** The login page, which leads back to `target` afterwards. */
export function loginPath(target: string): string {
  return target === "/" ? "/login" : `/login?next=${encodeURIComponent(target)}`;
}

/** A page of ours from untrusted text: other sites ("//evil", "/\\evil") become "/". */
export function parseNextPath(text: string | null): string {
  return text !== null && /^\/(?![/\\])/.test(text) ? text : "/";
}

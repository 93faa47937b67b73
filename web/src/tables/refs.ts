/** References to tables: "run:ENTITY/PROJECT/RUN/PATH" and "artifact:ENTITY/PROJECT/NAME:VERSION/PATH". */

import { pathOf } from "../api/client";

export interface TablePlace {
  kind: "run" | "artifact";
  entity: string;
  project: string;
  /** Of the run or of the collection. */
  name: string;
  version: string | null;
  path: string;
}

export function parseRef(ref: string): TablePlace | null {
  const match = /^(run|artifact):([^/]+)\/([^/]+)\/([^/]+)\/(.+)$/s.exec(ref);
  if (match === null) return null;
  const [, kind = "", entity = "", project = "", named = "", path = ""] = match;
  if (kind === "run") return { kind, entity, project, name: named, version: null, path };
  const [name = "", version = "latest"] = named.split(/:(.*)/s);
  return name === "" ? null : { kind: "artifact", entity, project, name, version, path };
}

export function writeRef({ kind, entity, project, name, version, path }: TablePlace): string {
  return `${kind}:${entity}/${project}/${name}${version === null ? "" : `:${version}`}/${path}`;
}

/** "training-data:v3", or the name of the run. */
export function describeRef(ref: string): string {
  const place = parseRef(ref);
  if (place === null) return ref;
  return place.version === null ? place.name : `${place.name}:${place.version}`;
}

export function tablePath(entity: string, project: string, ref: string): string {
  return pathOf(entity, project, "tables", ref);
}

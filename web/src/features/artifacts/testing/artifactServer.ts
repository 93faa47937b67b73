/** A server with one project that has artifacts, for tests of their pages. */

import type {
  BisectStep,
  Collection,
  FileItem,
  JsonValue,
  Lineage,
  LineageNode,
  Me,
  RunHead,
  TreeItem,
  Version,
  VersionDiff,
  VersionHead,
} from "~/api/types";
import { FakeServer } from "~/testing/page";

export const PROJECT = "/api/v1/acme/mnist";
export const DATA = `${PROJECT}/artifacts/cifar-clean`;
export const V3 = `${DATA}/versions/v3`;
const NOON_US = Date.UTC(2026, 10, 20, 12) * 1000;

export function makeMe(role: "viewer" | "member" = "member"): Me {
  return {
    default_entity: "acme",
    email: "ada@example.org",
    entities: [{ kind: "team", name: "acme", role }],
    is_admin: false,
    name: "Ada",
    server: { base_url: "http://localhost", id: "s", version: "1" },
    username: "ada",
  };
}

export function makeRun(name: string, more: Partial<RunHead> = {}): RunHead {
  return {
    entity: "acme",
    project: "mnist",
    name,
    display_name: `brisk ${name}`,
    state: "finished",
    job_type: null,
    created_at_us: NOON_US,
    ...more,
  };
}

export function makeHead(index: number, more: Partial<VersionHead> = {}): VersionHead {
  return {
    id: `id-${index}`,
    version: `v${index}`,
    index,
    digest: `${index}`.repeat(32).slice(0, 32),
    state: "COMMITTED",
    aliases: [],
    tags: [],
    size_bytes: 2_000_000 * (index + 1),
    file_count: 10 + index,
    created_at_us: NOON_US + index * 60_000_000,
    created_by_run: makeRun(`clean-${index}`),
    created_by_user: "ada",
    description: null,
    ...more,
  };
}

/** A version in a row; everything changed a little since the one before, whose metric may be given. */
export function makeStep(
  index: number,
  value: JsonValue,
  previous: number | null = null,
): BisectStep {
  const isCompared = typeof value === "number" && index > 0 && previous !== null;
  return {
    version: makeHead(index),
    before: index === 0 ? null : `v${index - 1}`,
    value,
    delta: isCompared ? Number((value - previous).toFixed(4)) : null,
    causes: index === 0 ? null : { inputs: 1, config: 2, code: 0, environment: 0 },
  };
}

export function makeVersion(index: number, more: Partial<Version> = {}): Version {
  const source = {
    entity: "acme",
    project: "mnist",
    name: "cifar-clean",
    version: `v${index}`,
    id: `id-${index}`,
    type: "dataset",
  };
  return {
    ...makeHead(index),
    aliases: ["latest", "prod"],
    tags: ["checked"],
    entity: "acme",
    project: "mnist",
    name: "cifar-clean",
    type: "dataset",
    kind: "sequence",
    digest_algorithm: "MANIFEST_MD5",
    metadata: { rows: 50_000, split: { train: 0.9 } },
    ttl_s: null,
    ttl_is_inherited: true,
    history_step: 120,
    history_index: index,
    updated_at_us: NOON_US,
    expires_at_us: null,
    source,
    links: [],
    manifest_url: "/artifactsV2/manifest",
    ...more,
  };
}

export function makeCollection(name: string, more: Partial<Collection> = {}): Collection {
  return {
    name,
    entity: "acme",
    project: "mnist",
    type: "dataset",
    kind: "sequence",
    description: null,
    tags: [],
    version_count: 4,
    latest: makeHead(3, { aliases: ["latest", "prod"] }),
    size_bytes: 8_000_000,
    created_at_us: NOON_US,
    updated_at_us: NOON_US,
    created_by_run: makeRun("clean-0"),
    ...more,
  };
}

export function makeFile(path: string, more: Partial<FileItem> = {}): FileItem {
  return {
    path,
    size_bytes: 40,
    digest: "rL0Y20zC+Fzt72VPzMSk2A==",
    ref: null,
    extra: {},
    mimetype: "text/plain",
    url: `http://elsewhere/artifacts/v3/${path}?signature=s`,
    birth_id: null,
    ...more,
  };
}

export function makeTreeItem(path: string, more: Partial<TreeItem> = {}): TreeItem {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { name, path, is_dir: false, size_bytes: 40, ref: null, ...more };
}

export function makeNode(id: string, more: Partial<LineageNode> = {}): LineageNode {
  return {
    id,
    kind: "artifact",
    label: id,
    type: "dataset",
    version: id.split(":")[1] ?? null,
    state: "COMMITTED",
    entity: "acme",
    project: "mnist",
    name: id.split(":")[0] ?? id,
    created_at_us: NOON_US,
    aliases: [],
    hidden_count: 0,
    ...more,
  };
}

/** raw:v3 → clean-3 → cifar-clean:v3 → train-1 → resnet:v7, and twelve more runs in a stack. */
export const LINEAGE: Lineage = {
  root: "cifar-clean:v3",
  nodes: [
    makeNode("raw:v3"),
    makeNode("clean-3", {
      kind: "run",
      type: null,
      version: null,
      state: "finished",
      name: "clean-3",
    }),
    makeNode("cifar-clean:v3", { aliases: ["latest"] }),
    makeNode("train-1", {
      kind: "run",
      type: "train",
      version: null,
      state: "running",
      name: "train-1",
    }),
    makeNode("resnet:v7", { type: "model" }),
    makeNode("stack-1", {
      kind: "stack",
      label: "runs",
      type: null,
      version: null,
      state: null,
      name: null,
      hidden_count: 12,
    }),
  ],
  edges: [
    { from: "raw:v3", to: "clean-3", kind: "used" },
    { from: "clean-3", to: "cifar-clean:v3", kind: "logged" },
    { from: "cifar-clean:v3", to: "train-1", kind: "used" },
    { from: "train-1", to: "resnet:v7", kind: "logged" },
    { from: "cifar-clean:v3", to: "stack-1", kind: "used" },
  ],
  truncated: false,
};

export const DIFF: VersionDiff = {
  from: makeHead(2, { aliases: ["stable"] }),
  to: makeHead(3, { aliases: ["latest"] }),
  files: {
    added: [{ path: "train/new.bin", size_before: null, size_after: 3_000 }],
    removed: [{ path: "train/old.bin", size_before: 1_000, size_after: null }],
    changed: [{ path: "index.json", size_before: 100, size_after: 120 }],
    counts: { added: 1, removed: 1, changed: 1, same: 9 },
    bytes_added: 3_020,
    bytes_removed: 1_000,
  },
  metadata: [{ key: "rows", before: 49_000, after: 50_000 }],
  description: null,
  causes: {
    run_from: makeRun("clean-2"),
    run_to: makeRun("clean-3"),
    inputs: [{ type: "dataset", name: "raw", before: "v2", after: "v3" }],
    config: [{ key: "threshold", before: 0.5, after: 0.75 }],
    code: {
      commit_before: "aaaa111",
      commit_after: "bbbb222",
      repo: "git@example.org:acme/clean.git",
      dirty_before: false,
      dirty_after: true,
      program_before: "clean.py",
      program_after: "clean.py",
    },
    environment: [],
    metrics: [{ key: "kept", before: 0.9, after: 0.95, delta: 0.05 }],
  },
};

export function page<T>(items: readonly T[], more: { next_cursor?: string; total?: number } = {}) {
  return { items, next_cursor: more.next_cursor ?? null, total: more.total ?? items.length };
}

/** Four versions of one dataset; a test changes what it is about. */
export function makeArtifactServer(): FakeServer {
  const server = new FakeServer()
    .on("GET /api/v1/me", () => makeMe())
    .on(`GET ${PROJECT}/artifact-types`, () => ({
      items: [
        {
          name: "dataset",
          description: null,
          collection_count: 2,
          version_count: 6,
          size_bytes: 9e6,
        },
        {
          name: "model",
          description: null,
          collection_count: 1,
          version_count: 8,
          size_bytes: 4e9,
        },
      ],
    }))
    .on(`GET ${PROJECT}/artifacts`, ({ query }) => {
      const all = [
        makeCollection("cifar-clean"),
        makeCollection("cifar-raw", { latest: makeHead(0) }),
        makeCollection("resnet", { type: "model" }),
      ];
      const found = all.filter(
        ({ name, type }) =>
          name.includes(query.get("q") ?? "") && (query.get("type") ?? type) === type,
      );
      return page(found);
    })
    .on(`GET ${DATA}`, () => makeCollection("cifar-clean"))
    .on(`GET ${DATA}/versions`, () =>
      page(
        [3, 2, 1, 0].map((index) => makeHead(index, index === 3 ? { aliases: ["latest"] } : {})),
      ),
    )
    .on(`GET ${DATA}/events`, () => page([]));
  for (const index of [0, 1, 2, 3]) {
    const at = `${DATA}/versions/v${index}`;
    server
      .on(`GET ${at}`, () => makeVersion(index))
      .on(`GET ${at}/used-by`, () => page([]))
      .on(`GET ${at}/events`, () => page([]));
  }
  return server;
}

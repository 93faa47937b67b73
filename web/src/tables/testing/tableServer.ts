/** A server with one table of ten thousand rows, and a changed copy of it. */

import type {
  FacetQuery,
  JoinQuery,
  JsonValue,
  TableColumn,
  TableQuery,
  TableRows,
  TableSchema,
} from "~/api/types";
import { FakeServer, problem } from "~/testing/page";

export const REF = "artifact:acme/mnist/eval:v0/rows.table.json";
export const OTHER = "artifact:acme/mnist/eval:v1/rows.table.json";
export const ROWS = 10_000;

const COLUMNS: TableColumn[] = [
  { name: "id", type: "number", distinct: ROWS, min: 0, max: ROWS - 1 },
  { name: "question", type: "string", distinct: ROWS, min: "a", max: "z" },
  {
    name: "score",
    type: "number",
    distinct: 9_000,
    null_count: 1,
    min: 0,
    max: 1,
    histogram: { edges: [0, 0.5, 1], counts: [4_000, 6_000] },
  },
  { name: "category", type: "string", distinct: 2 },
  { name: "picture", type: "media", media_type: "image-file" },
];

const SCORES: readonly JsonValue[] = [null, "NaN", 0.25];

function makeCells(id: number): JsonValue[] {
  const picture = {
    _type: "image-file",
    path: `media/${id}.png`,
    url: `/artifacts/${id}.png`,
    thumbnail_url: `/api/v1/previews/thumbnail?name=${id}`,
    width: 4,
    height: 3,
  };
  const question =
    id === 0
      ? "# Why\n\nA **long** question, written in Markdown for people who read it."
      : `q${id}`;
  return [
    id,
    question,
    id < SCORES.length ? (SCORES[id] ?? null) : 0.5,
    id % 2 === 0 ? "even" : "odd",
    picture,
  ];
}

function answerRows(query: TableQuery): TableRows | Response {
  if (JSON.stringify(query.where ?? {}).includes('"["')) {
    return problem(400, "invalid", "'[' is no regular expression");
  }
  const { offset = 0, limit = 100, group_by: group = [], columns: names } = query;
  if (group.length > 0) {
    const rows = [
      ["even", 5_000, 0.5],
      ["odd", 5_000, 0.25],
    ];
    const heads = [
      { name: "category", type: "string" as const },
      { name: "count", type: "number" as const },
      ...(query.aggregates ?? []).map((a) => ({
        name: `${a.fn}(${a.column})`,
        type: "number" as const,
      })),
    ];
    return {
      columns: heads,
      rows: rows.map((row) => row.slice(0, heads.length)),
      row_ids: [0, 1],
      total: 2,
      total_unfiltered: ROWS,
      cut: [],
    };
  }
  const places = (names ?? COLUMNS.map(({ name }) => name)).map((name) =>
    COLUMNS.findIndex((column) => column.name === name),
  );
  const isFiltered = query.where != null || query.search != null;
  const total = query.search === "nowhere" ? 0 : isFiltered ? 1_000 : ROWS;
  const ids = Array.from(
    { length: Math.max(0, Math.min(limit, total - offset)) },
    (_, i) => offset + i,
  );
  return {
    columns: places.map((place) => COLUMNS[place] as TableColumn),
    rows: ids.map((id) => places.map((place) => makeCells(id)[place] as JsonValue)),
    row_ids: ids,
    total,
    total_unfiltered: ROWS,
    cut: [],
  };
}

function answerJoin(query: JoinQuery) {
  const side = (score: number) => [7, "q7", score, "odd", null];
  const isWins = JSON.stringify(query.where ?? {}).includes("win");
  const heads = COLUMNS.map(({ name, type }) => ({ name, type }));
  const rows = [
    { outcome: "win", left_row: 7, right_row: 7, left: side(0.75), right: side(0.5) },
    { outcome: "left_only", left_row: 8, right_row: null, left: side(0.1), right: null },
  ];
  return {
    left_columns: heads,
    right_columns: heads,
    rows: isWins ? rows.slice(0, 1) : rows,
    total: isWins ? 1 : 2,
    ...{ win: 1, lose: 0, tie: 0, differs: 0, incomparable: 0, left_only: 1, right_only: 0 },
    warnings: [],
  };
}

export function makeTableServer(): FakeServer {
  const schema: TableSchema = { ref: REF, columns: COLUMNS, row_count: ROWS, warnings: [] };
  return new FakeServer()
    .on("GET /api/v1/tables/schema", () => schema)
    .on("POST /api/v1/tables:query", ({ body }) => answerRows(body as TableQuery))
    .on("POST /api/v1/tables:join", ({ body }) => answerJoin(body as JoinQuery))
    .on("POST /api/v1/tables:facet", ({ body }) =>
      (body as FacetQuery).column === "category"
        ? {
            kind: "values",
            items: [
              { value: "even", count: 5_000 },
              { value: "odd", count: 4_000 },
            ],
            null_count: 1_000,
            other_count: 0,
          }
        : {
            kind: "histogram",
            items: [
              { value: [0, 0.5], count: 4_000 },
              { value: [0.5, 1], count: 6_000 },
            ],
            null_count: 1,
            other_count: 1,
          },
    )
    .on("POST /api/v1/tables:save", () => ({
      ...{ id: "1", entity: "acme", project: "mnist", collection: "hard", version: "v0" },
      ...{ ref: "artifact:acme/mnist/hard:v0/table.table.json", row_count: 1_000, file_count: 3 },
    }));
}

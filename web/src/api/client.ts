/** The one place that calls fetch for JSON: typed answers in, typed errors out. */

import { serverPath } from "./base";

const UNSAFE_TEXT_MAX = 300;

/** What the server said went wrong (RFC 9457), or what kept us from reaching it. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly retryable: boolean;

  constructor(facts: {
    status: number;
    code: string;
    message: string;
    hint?: string | null;
    retryable?: boolean;
  }) {
    super(facts.message);
    this.status = facts.status;
    this.code = facts.code;
    this.hint = facts.hint ?? null;
    this.retryable = facts.retryable ?? false;
  }
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  query?: Record<string, string | number | boolean | readonly string[] | null | undefined>;
  body?: unknown;
  signal?: AbortSignal;
}

/** Path segments from parts that may hold any character: pathOf("api", "v1", "a/b") is "/api/v1/a%2Fb". */
export function pathOf(...parts: string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

export function urlOf(path: string, query: RequestOptions["query"] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, String(item));
  }
  const text = search.toString();
  return serverPath(path) + (text === "" ? "" : `?${text}`);
}

/** Sends one request and parses its JSON; an answer without a body gives undefined. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await requestResponse(path, options);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** As `request`, for answers that are not JSON. Rejects with `ApiError` unless the status is 2xx. */
export async function requestResponse(
  path: string,
  { method = "GET", query, body, signal }: RequestOptions = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(urlOf(path, query), {
      method,
      credentials: "same-origin",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError({
      status: 0,
      code: "unreachable",
      message: "The server did not answer.",
      hint: "Check that it is running and that this machine can reach it.",
      retryable: true,
    });
  }
  if (!response.ok) throw await readProblem(response);
  return response;
}

export async function readProblem(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const problem = parseProblem(text);
  const status = response.status;
  return new ApiError({
    status,
    code: problem.code ?? `http_${status}`,
    message: problem.detail ?? problem.title ?? describeStatus(status, text),
    hint: problem.hint ?? null,
    retryable: problem.retryable ?? (status === 429 || status >= 500),
  });
}

interface Problem {
  code?: string;
  detail?: string;
  title?: string;
  hint?: string;
  retryable?: boolean;
}

function parseProblem(text: string): Problem {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof value !== "object" || value === null) return {};
  const fields = value as Record<string, unknown>;
  const problem: Problem = {};
  for (const name of ["code", "detail", "title", "hint"] as const) {
    const field = fields[name];
    if (typeof field === "string" && field !== "") problem[name] = field;
  }
  if (typeof fields.retryable === "boolean") problem.retryable = fields.retryable;
  return problem;
}

function describeStatus(status: number, text: string): string {
  const plain = text.trim();
  const isReadable = plain !== "" && plain.length <= UNSAFE_TEXT_MAX && !plain.startsWith("<");
  return isReadable ? plain : `The server answered with status ${status}.`;
}

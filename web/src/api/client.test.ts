import { afterEach, describe, expect, it, vi } from "vitest";
import { type ApiError, pathOf, request, urlOf } from "./client";

function answer(body: string, status: number, type = "application/problem+json"): void {
  vi.stubGlobal(
    "fetch",
    async () => new Response(body, { status, headers: { "content-type": type } }),
  );
}

async function failure(): Promise<ApiError> {
  return request("/api/v1/me").then(
    () => Promise.reject(new Error("it worked")),
    (error: ApiError) => error,
  );
}

afterEach(() => vi.unstubAllGlobals());

describe("what goes wrong", () => {
  it("carries code, hint and whether to try again from problem+json", async () => {
    const problem = {
      title: "Busy",
      code: "overloaded",
      detail: "Too much.",
      hint: "Wait.",
      retryable: true,
    };
    answer(JSON.stringify(problem), 429);
    expect(await failure()).toMatchObject({
      name: "ApiError",
      status: 429,
      code: "overloaded",
      message: "Too much.",
      hint: "Wait.",
      retryable: true,
    });
  });

  it("is described also when a proxy answers with a page of its own", async () => {
    answer("<html>Bad gateway</html>", 502, "text/html");
    expect(await failure()).toMatchObject({
      code: "http_502",
      message: "The server answered with status 502.",
      retryable: true,
    });
  });

  it("is never retried when it is the caller's fault", async () => {
    answer("{}", 400);
    expect(await failure()).toMatchObject({ retryable: false });
  });

  it("says so when the server cannot be reached", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
    expect(await failure()).toMatchObject({ status: 0, code: "unreachable", retryable: true });
  });

  it("leaves an aborted request an abort", async () => {
    const abort = new DOMException("aborted", "AbortError");
    vi.stubGlobal("fetch", async () => Promise.reject(abort));
    expect(await failure()).toBe(abort);
  });
});

describe("requests", () => {
  it("escape every part of a path, so that no name becomes another address", () => {
    expect(pathOf("a b", "../x", "100%", "ü")).toBe("/a%20b/..%2Fx/100%25/%C3%BC");
  });

  it("leave out what is not set and repeat lists", () => {
    expect(urlOf("/api/v1/keys", { a: null, b: undefined, c: 0, run: ["x", "y"] })).toBe(
      "/api/v1/keys?c=0&run=x&run=y",
    );
  });

  it("give undefined for an answer without a body", async () => {
    vi.stubGlobal("fetch", async () => new Response(null, { status: 204 }));
    await expect(request("/api/v1/logout", { method: "POST" })).resolves.toBeUndefined();
  });

  it("go below the prefix that the server wrote into the page", () => {
    const base = document.createElement("base");
    base.setAttribute("href", "/steelyard/");
    document.head.append(base);
    expect(urlOf("/api/v1/me")).toBe("/steelyard/api/v1/me");
    base.remove();
  });
});

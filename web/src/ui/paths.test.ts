import { describe, expect, it } from "vitest";
import { loginPath, parseNextPath, runPath } from "./paths";

describe("the way back after signing in", () => {
  it("leads to where one was", () => {
    const target = "/acme/mnist/runs/a?find=x&times=1#L3";
    const next = new URLSearchParams(loginPath(target).split("?")[1]).get("next");
    expect(parseNextPath(next)).toBe(target);
  });

  it.each([
    null,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
  ])("never leaves this server: %s", (next) => expect(parseNextPath(next)).toBe("/"));
});

describe("addresses of runs", () => {
  it("hold names of any kind", () => {
    expect(runPath({ entity: "a", project: "b/c", run: "../d?e#f" }, "logs")).toBe(
      "/a/b%2Fc/runs/..%2Fd%3Fe%23f/logs",
    );
  });
});

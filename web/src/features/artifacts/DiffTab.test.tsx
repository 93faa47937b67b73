import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installLayout } from "~/core/testing/canvas";
import { type FakeServer, openPage, problem } from "~/testing/page";
import ArtifactPage from "./ArtifactPage";
import { DATA, DIFF, makeArtifactServer, makeHead, page } from "./testing/artifactServer";

let server: FakeServer;

beforeEach(() => {
  installLayout();
  server = makeArtifactServer()
    .on(`GET ${DATA}/versions/v2/diff`, () => DIFF)
    .on(`GET ${DATA}/versions/v0/diff`, () => DIFF)
    .install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function openDiff(search = "", version = "v3") {
  return openPage(<ArtifactPage />, {
    path: "/:entity/:project/artifacts/:type/:name/:version/:tab",
    address: `/acme/mnist/artifacts/dataset/cifar-clean/${version}/diff${search}`,
  });
}

function listDiffRequests(): string[] {
  return server.requests
    .filter(({ path }) => path.endsWith("/diff"))
    .map(({ path, query }) => `${path.split("/").at(-2)} to ${query.get("to")}`);
}

describe("the difference of two versions", () => {
  it("is that to the version before, with causes, files and metadata", async () => {
    const { container } = openDiff();
    expect(
      await screen.findByRole("heading", { name: "What changed from v2 to v3" }),
    ).toBeVisible();
    const inputs = within(await screen.findByRole("table", { name: "Inputs" }));
    expect(inputs.getByRole("link", { name: "v2" })).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts/dataset/raw/v2",
    );
    expect(screen.getByRole("row", { name: /^threshold 0.5 0.75/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^commit aaaa111 bbbb222/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^working copy as committed changed/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^kept 0.9 0.95 \+0.05/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^rows 49,000 50,000/ })).toBeVisible();
    const files = within(screen.getByRole("table", { name: "Changed files" }));
    expect(files.getAllByRole("row").map((row) => row.textContent)).toEqual([
      "FileBeforeAfter",
      "+addedtrain/new.bin–3.0 KB",
      "−removedtrain/old.bin1.0 KB–",
      "~changedindex.json100 B120 B",
    ]);
    expect(screen.getByText("Environment: the same")).toBeVisible();
    expect(listDiffRequests()).toEqual(["v2 to v3"]);
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("shows rows of a table with the cells that changed, and all of them by page", async () => {
    const asked: unknown[] = [];
    const columns = ["id", "score"].map((name) => ({ name, type: "number", media_type: null }));
    const row = (id: number) => ({
      change: "changed",
      before_row: id,
      after_row: id,
      before: [id, 0.5],
      after: [id, 0.75],
      columns: ["score"],
    });
    const changed = { path: "eval.table.json", size_before: 100, size_after: 120 };
    server
      .on(`GET ${DATA}/versions/v2/diff`, () => ({
        ...DIFF,
        files: { ...DIFF.files, changed: [...DIFF.files.changed, changed] },
      }))
      .on("POST /api/v1/tables:diff", ({ body }) => {
        asked.push(body);
        const { offset } = body as { offset: number };
        return {
          on: ["id"],
          before_columns: columns,
          after_columns: [...columns, { name: "new", type: "string", media_type: null }],
          columns_added: ["new"],
          columns_removed: [],
          rows:
            offset === 0
              ? [
                  row(1),
                  { ...row(2), change: "added", before_row: null, before: null, columns: [] },
                ]
              : [row(3)],
          total: 3,
          added: 1,
          removed: 0,
          changed: 2,
          same: 1_000,
          warnings: [],
        };
      });
    const { container } = openDiff();
    const rows = within(
      await screen.findByRole("table", { name: "Changed rows of eval.table.json" }),
    );
    expect(rows.getAllByRole("row").map((each) => each.textContent)).toEqual([
      "Changeidscorenew",
      "~changed10.5 0.75–",
      "+added20.75–",
    ]);
    expect(
      screen.getByText(/1 added, 0 removed, 2 changed, 1,000 rows the same; columns added: new/),
    ).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: /^Show 1 more of 3/ }));
    expect(await rows.findByText("3")).toBeVisible();
    await userEvent.selectOptions(screen.getByLabelText("Rows are told apart by"), "score");
    const refs = ["v2", "v3"].map((v) => `artifact:acme/mnist/cifar-clean:${v}/eval.table.json`);
    await waitFor(() =>
      expect(asked.at(-1)).toEqual({
        before: refs[0],
        after: refs[1],
        on: ["score"],
        change: null,
        offset: 0,
        limit: 50,
      }),
    );
  });

  it("goes from the older to the newer, whichever page it is asked on", async () => {
    openDiff("?to=v3", "v2");
    await screen.findByRole("table", { name: "Inputs" });
    expect(listDiffRequests()).toEqual(["v2 to v3"]);
  });

  it("is that to another version once it is chosen", async () => {
    openDiff();
    await userEvent.click(
      await screen.findByRole("button", { name: "Compare with another version" }),
    );
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.queryByRole("button", { name: /^v3/ })).toBeNull();
    await userEvent.click(await dialog.findByRole("button", { name: /^v0/ }));
    await waitFor(() => expect(listDiffRequests()).toContain("v0 to v3"));
    await waitFor(() => expect(screen.getByLabelText("address")).toHaveTextContent("to=v0"));
  });

  it("says that a first version has none before it", async () => {
    server.on(`GET ${DATA}/versions`, () => page([makeHead(0)]));
    openDiff("", "v0");
    expect(await screen.findByText("No version came before this one")).toBeVisible();
  });

  it("says what failed", async () => {
    server.on(`GET ${DATA}/versions/v8`, () => problem(404, "not_found", "there is no v8"));
    openDiff("?to=v8");
    expect(await screen.findByText("there is no v8")).toBeVisible();
  });

  it("says that no run made them where none did", async () => {
    server.on(`GET ${DATA}/versions/v2/diff`, () => ({
      ...DIFF,
      causes: { ...DIFF.causes, run_from: null, run_to: null },
    }));
    openDiff();
    expect(await screen.findByText(/Neither version was logged by a run/)).toBeVisible();
  });
});

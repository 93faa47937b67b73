import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Version, VersionPatch } from "~/api/types";
import { installLayout } from "~/core/testing/canvas";
import { type FakeServer, openPage, problem } from "~/testing/page";
import ArtifactPage from "./ArtifactPage";
import {
  DATA,
  makeArtifactServer,
  makeMe,
  makeRun,
  makeVersion,
  PROJECT,
  page,
  V3,
} from "./testing/artifactServer";

let server: FakeServer;
let version: Version;

beforeEach(() => {
  installLayout();
  version = makeVersion(3);
  server = makeArtifactServer()
    .on(`GET ${V3}`, () => version)
    .on(`PATCH ${V3}`, ({ body }) => {
      const patch = body as VersionPatch;
      const edit = (names: string[], add: string[] = [], remove: string[] = []) =>
        [...names, ...add].filter((name) => !remove.includes(name));
      version = {
        ...version,
        description: patch.description ?? version.description,
        aliases: edit(version.aliases, patch.aliases_add, patch.aliases_remove),
        tags: edit(version.tags, patch.tags_add, patch.tags_remove),
      };
      return version;
    })
    .install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function openVersion(tab = "overview", ref = "v3") {
  return openPage(<ArtifactPage />, {
    path: "/:entity/:project/artifacts/:type/:name/:version/:tab",
    address: `/acme/mnist/artifacts/dataset/cifar-clean/${ref}/${tab}`,
  });
}

function sentPatches(): unknown[] {
  return server.sent("PATCH").map((request) => request.body);
}

describe("the overview of a version", () => {
  it("says what it is, who made it, who used it and what happened to it", async () => {
    server.on(`GET ${V3}/used-by`, () => page([makeRun("train-1"), makeRun("train-2")]));
    server.on(`GET ${V3}/events`, () =>
      page([
        {
          at_us: 1.7e15,
          user: "grace",
          run: null,
          kind: "alias_moved",
          version: "v3",
          alias: "prod",
          from_version: "v2",
          note: "v2 drops rows",
        },
      ]),
    );
    const { container } = openVersion();
    expect(await screen.findByRole("heading", { name: "cifar-clean v3" })).toBeVisible();
    expect(await screen.findByText(/moved from v2 to v3/)).toBeVisible();
    expect(screen.getByText("“v2 drops rows”")).toBeVisible();
    expect(await screen.findByRole("link", { name: "brisk train-2" })).toHaveAttribute(
      "href",
      "/acme/mnist/runs/train-2",
    );
    expect(screen.getByText(/at step 120/)).toBeVisible();
    expect(screen.getByText(/as the collection has it/)).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("takes an alias away and gives it again", async () => {
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: "Remove alias prod" }));
    await waitFor(() => expect(version.aliases).toEqual(["latest"]));
    await userEvent.click(screen.getByRole("button", { name: "Add alias" }));
    await userEvent.keyboard("prod{Enter}");
    await waitFor(() => expect(version.aliases).toEqual(["latest", "prod"]));
    expect(sentPatches()).toEqual([
      { aliases_add: [], aliases_remove: ["prod"] },
      { aliases_add: ["prod"], aliases_remove: [] },
    ]);
    expect(screen.queryByRole("button", { name: "Remove alias latest" })).toBeNull();
  });

  it("says why an alias was refused, and shows what is true", async () => {
    server.on(`PATCH ${V3}`, () =>
      problem(422, "bad_alias", "an alias may not look like a version"),
    );
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: "Add alias" }));
    await userEvent.keyboard("v9{Enter}");
    expect(
      await screen.findByText("Not saved: an alias may not look like a version"),
    ).toBeVisible();
    expect(screen.queryByRole("button", { name: "Remove alias v9" })).toBeNull();
  });

  it("is described, and the old words come back on undo", async () => {
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: /Describe it/ }));
    await userEvent.keyboard("without duplicates{Control>}{Enter}{/Control}");
    expect(await screen.findByText("without duplicates")).toBeVisible();
    await userEvent.click(await screen.findByRole("button", { name: "Undo" }));
    await waitFor(() => expect(version.description).toBe(""));
  });

  it("gets an expiry in days, and refuses nonsense", async () => {
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: "Change" }));
    await userEvent.selectOptions(screen.getByLabelText("Expires"), "after some days");
    await userEvent.clear(screen.getByLabelText("Days"));
    await userEvent.type(screen.getByLabelText("Days"), "-1");
    expect(screen.getByRole("alert")).toHaveTextContent("above 0");
    await userEvent.clear(screen.getByLabelText("Days"));
    await userEvent.type(screen.getByLabelText("Days"), "7");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(sentPatches()).toEqual([{ ttl_s: 604_800 }]));
  });

  it("lets a viewer look and change nothing", async () => {
    server.on("GET /api/v1/me", () => makeMe("viewer"));
    openVersion();
    expect(await screen.findByRole("list", { name: "Aliases" })).toHaveTextContent("prod");
    expect(screen.queryByRole("button", { name: /Remove|Add|Edit|Change/ })).toBeNull();
  });
});

describe("the page of a version", () => {
  it("leads to the other versions with the same view", async () => {
    openVersion("metadata");
    const rail = within(await screen.findByRole("navigation", { name: "Versions" }));
    expect(await rail.findByRole("link", { name: /^v1/ })).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts/dataset/cifar-clean/v1/metadata",
    );
    expect(rail.getByRole("link", { name: /^v3/ })).toHaveAttribute("aria-current", "page");
  });

  it("corrects the type in its address", async () => {
    version = makeVersion(3, { type: "table" });
    openVersion();
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("/artifacts/table/cifar-clean/v3"),
    );
  });

  it("leads back to the artifacts when there is no such version", async () => {
    server.on(`GET ${DATA}/versions/v9`, () => problem(404, "not_found", "no such version"));
    openVersion("overview", "v9");
    expect(await screen.findByRole("link", { name: "Go to the artifacts" })).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts",
    );
  });

  it("says what failed", async () => {
    server.on(`GET ${V3}`, () => problem(403, "forbidden", "ask Ada for access"));
    openVersion();
    expect(await screen.findByText("ask Ada for access")).toBeVisible();
    expect(screen.getByRole("button", { name: "Retry" })).toBeVisible();
  });

  it("shows its metadata and finds in it", async () => {
    openVersion("metadata");
    expect(await screen.findByRole("row", { name: /^rows 50,000/ })).toBeVisible();
    await userEvent.type(screen.getByLabelText("Filter metadata"), "train");
    await waitFor(() => expect(screen.queryByRole("row", { name: /^rows/ })).toBeNull());
    expect(screen.getByRole("row", { name: /^train 0.9/ })).toBeVisible();
  });

  it("says how metadata comes in where there is none", async () => {
    version = makeVersion(3, { metadata: {} });
    openVersion("metadata");
    expect(await screen.findByText(/wandb.Artifact\("cifar-clean"/)).toBeVisible();
  });

  it("has lines to use it, pinned or by an alias, for both clients", async () => {
    const { container } = openVersion("usage");
    expect(
      await screen.findByText(/run.use_artifact\("acme\/mnist\/cifar-clean:v3"/),
    ).toBeVisible();
    await userEvent.selectOptions(screen.getByLabelText("Version"), "prod, wherever it points");
    await userEvent.selectOptions(screen.getByLabelText("Client"), "steelyard");
    expect(screen.getByText(/steelyard artifact get acme\/mnist\/cifar-clean:prod/)).toBeVisible();
    expect(screen.getAllByText(/import steelyard as wandb/)[0]).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });
});

describe("deleting a version", () => {
  it("says what depends on it first, and can be undone", async () => {
    server
      .on(`GET ${V3}/dependents`, () => ({
        aliases: ["latest", "prod"],
        links: [{ entity: "acme", project: "hub", name: "best", version: "v1", aliases: [] }],
        used_by: [makeRun("train-1")],
        used_by_count: 12,
        freed_bytes: 8_000_000,
      }))
      .on(`DELETE ${V3}`, () => ({ freed_bytes: 8_000_000, expires_at_us: 1.8e15 }))
      .on(`POST ${V3}:restore`, () => version);
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: "More actions" }));
    await userEvent.click(screen.getByRole("menuitem", { name: "Delete version" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Delete v3 of cifar-clean?" }));
    expect(await dialog.findByText(/The aliases latest, prod will be removed/)).toBeVisible();
    expect(dialog.getByText(/Linked from best:v1/)).toBeVisible();
    expect(dialog.getByText(/Used by 12 runs/)).toBeVisible();
    expect(dialog.getByText("and 7 more")).toBeVisible();
    expect(dialog.getByText(/frees 8.0 MB/)).toBeVisible();
    expect(server.sent("DELETE")).toEqual([]);
    await userEvent.click(dialog.getByRole("button", { name: "Delete the version" }));
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent(/^\/acme\/mnist\/artifacts$/),
    );
    await userEvent.click(screen.getByRole("button", { name: "Undo" }));
    await waitFor(() => expect(server.sent("POST")).toHaveLength(1));
  });

  it("stays on the page and says why when the server refuses", async () => {
    server
      .on(`GET ${V3}/dependents`, () => problem(500, "broken", "cannot count"))
      .on(`DELETE ${V3}`, () => problem(409, "in_use", "a registry protects it"));
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: "More actions" }));
    await userEvent.click(screen.getByRole("menuitem", { name: "Delete version" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(await dialog.findByText(/cannot count/)).toBeVisible();
    await userEvent.click(dialog.getByRole("button", { name: "Delete the version" }));
    expect(await dialog.findByText("Not deleted: a registry protects it")).toBeVisible();
  });
});

describe("a link in a portfolio", () => {
  it("is removed after a question, and what it leads to stays", async () => {
    const source = { ...version.source, project: "lab", name: "raw", version: "v7" };
    server
      .on(`GET ${V3}`, () => ({ ...version, kind: "portfolio", source }))
      .on(`DELETE ${DATA}/links/v3`, () => undefined);
    openVersion();
    await userEvent.click(await screen.findByRole("button", { name: "More actions" }));
    expect(screen.queryByRole("menuitem", { name: "Delete version" })).toBeNull();
    await userEvent.click(screen.getByRole("menuitem", { name: "Remove the link" }));
    const dialog = within(
      await screen.findByRole("dialog", { name: "Remove v3 from cifar-clean?" }),
    );
    expect(dialog.getByText(/stays: acme\/lab\/raw:v7/)).toBeVisible();
    expect(server.sent("DELETE")).toEqual([]);
    await userEvent.click(dialog.getByRole("button", { name: "Remove the link" }));
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent(/^\/acme\/mnist\/artifacts$/),
    );
    expect(server.sent("DELETE").map(({ path }) => path)).toEqual([`${DATA}/links/v3`]);
  });
});

describe("the versions of a collection", () => {
  it("are a table with all there is to know, and the collection below", async () => {
    const { container } = openVersion("versions");
    const row = await screen.findByRole("row", { name: /^v3 latest/ });
    expect(row).toHaveTextContent(/8\.0 MB.*13.*brisk clean-3/);
    expect(await screen.findByRole("region", { name: "About the collection" })).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("are renamed together, and the page follows", async () => {
    server.on(`PATCH ${DATA}`, ({ body }) => ({ ...(body as object), name: "cifar-2" }));
    openVersion("versions");
    await userEvent.click(await screen.findByRole("button", { name: "Actions on the collection" }));
    await userEvent.click(screen.getByRole("menuitem", { name: "Rename the collection" }));
    await userEvent.clear(screen.getByLabelText("Name"));
    await userEvent.type(screen.getByLabelText("Name"), "cifar-2{Enter}");
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("/dataset/cifar-2/v3/versions"),
    );
  });

  it("are deleted together after a question", async () => {
    server
      .on(`GET ${DATA}/dependents`, () => ({
        version_count: 4,
        aliases: ["latest", "prod"],
        alias_count: 7,
        links: [{ entity: "acme", project: "hub", name: "best", version: "v1", aliases: [] }],
        link_count: 1,
        used_by: [makeRun("train-1")],
        used_by_count: 3,
        freed_bytes: 8_000_000,
      }))
      .on(`DELETE ${DATA}`, () => ({ freed_bytes: 8_000_000, version_count: 4 }));
    openVersion("versions");
    await userEvent.click(await screen.findByRole("button", { name: "Actions on the collection" }));
    await userEvent.click(screen.getByRole("menuitem", { name: "Delete the collection" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText("4 versions of 8.0 MB together")).toBeVisible();
    expect(await dialog.findByText(/were used by 3 runs/)).toBeVisible();
    expect(dialog.getByText(/7 aliases: latest, prod and 5 more/)).toBeVisible();
    expect(dialog.getByText(/1 link from best:v1 will be gone/)).toBeVisible();
    expect(dialog.getByText(/frees 8.0 MB/)).toBeVisible();
    await userEvent.click(dialog.getByRole("button", { name: "Delete the collection" }));
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent(/^\/acme\/mnist\/artifacts$/),
    );
    expect(server.requests.some(({ path }) => path === `${PROJECT}/artifacts/undefined`)).toBe(
      false,
    );
  });
});

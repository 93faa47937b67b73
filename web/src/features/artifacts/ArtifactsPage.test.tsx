import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type FakeServer, openPage, problem } from "~/testing/page";
import ArtifactsPage from "./ArtifactsPage";
import {
  makeArtifactServer,
  makeCollection,
  makeHead,
  PROJECT,
  page,
} from "./testing/artifactServer";

let server: FakeServer;

beforeEach(() => {
  server = makeArtifactServer().install();
});
afterEach(() => vi.unstubAllGlobals());

function openBrowser(search = "") {
  return openPage(<ArtifactsPage />, {
    path: "/:entity/:project/artifacts",
    address: `/acme/mnist/artifacts${search}`,
  });
}

async function listNames(): Promise<string[]> {
  const table = await screen.findByRole("table");
  const rows = within(table).getAllByRole("row").slice(1);
  return rows.map((row) => within(row).getAllByRole("link")[0]?.textContent ?? "");
}

describe("the artifacts of a project", () => {
  it("are listed with their types, and lead to their newest version", async () => {
    const { container } = openBrowser();
    expect(await listNames()).toEqual(["cifar-clean", "cifar-raw", "resnet"]);
    expect(screen.getByRole("button", { name: "All types 3" })).toHaveAttribute(
      "aria-pressed",
      "true",
    );
    expect(screen.getByRole("link", { name: "resnet" })).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts/model/resnet/v3/overview",
    );
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("are narrowed to a type and a search, and the address says so", async () => {
    openBrowser();
    await userEvent.click(await screen.findByRole("button", { name: "dataset 2" }));
    await waitFor(async () => expect(await listNames()).toEqual(["cifar-clean", "cifar-raw"]));
    await userEvent.type(screen.getByRole("searchbox"), "raw");
    await waitFor(async () => expect(await listNames()).toEqual(["cifar-raw"]));
    await userEvent.selectOptions(screen.getByLabelText("Sort by"), "Size");
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("type=dataset&q=raw&sort=-size"),
    );
    expect(server.sent("GET").at(-1)?.query.get("sort")).toBe("-size");
  });

  it("say when nothing matches, and how to see all again", async () => {
    openBrowser("?q=nothing");
    await userEvent.click(await screen.findByRole("button", { name: "Clear the search" }));
    await waitFor(async () => expect(await listNames()).toHaveLength(3));
  });

  it("are read on in pages", async () => {
    server.on(`GET ${PROJECT}/artifacts`, ({ query }) =>
      query.get("cursor") === "next"
        ? page([makeCollection("second")], { total: 2 })
        : page([makeCollection("first")], { next_cursor: "next", total: 2 }),
    );
    openBrowser();
    await userEvent.click(
      await screen.findByRole("button", { name: "Show more of 2 collections" }),
    );
    await waitFor(async () => expect(await listNames()).toEqual(["first", "second"]));
    expect(screen.queryByRole("button", { name: /Show more/ })).toBeNull();
  });

  it("show that a collection has lost all its versions", async () => {
    server.on(`GET ${PROJECT}/artifacts`, () =>
      page([makeCollection("empty", { latest: null, version_count: 0 })]),
    );
    openBrowser();
    expect(await screen.findByRole("link", { name: "empty" })).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts/dataset/empty/latest/versions",
    );
  });

  it("begin with a script to copy", async () => {
    server.on(`GET ${PROJECT}/artifact-types`, () => ({ items: [] }));
    const { container } = openBrowser();
    expect(await screen.findByText(/wandb.init\(entity="acme", project="mnist"\)/)).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("say what failed, and are there after a retry", async () => {
    server.on(`GET ${PROJECT}/artifacts`, () => problem(403, "forbidden", "you may not look"));
    openBrowser();
    expect(await screen.findByText("you may not look")).toBeVisible();
    server.on(`GET ${PROJECT}/artifacts`, () =>
      page([makeCollection("back", { latest: makeHead(0) })]),
    );
    await userEvent.click(screen.getByRole("button", { name: "Retry" }));
    expect(await listNames()).toEqual(["back"]);
  });

  it("tell what of a link was not understood", async () => {
    openBrowser("?sort=colour");
    expect(await screen.findByText("1 part of this link ignored: sort=colour")).toBeVisible();
  });
});

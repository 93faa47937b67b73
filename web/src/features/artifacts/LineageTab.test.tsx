import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installLayout } from "~/core/testing/canvas";
import { type FakeServer, openPage, problem } from "~/testing/page";
import ArtifactPage from "./ArtifactPage";
import { LINEAGE, makeArtifactServer, makeNode, V3 } from "./testing/artifactServer";

let server: FakeServer;

beforeEach(() => {
  installLayout();
  server = makeArtifactServer()
    .on(`GET ${V3}/lineage`, () => LINEAGE)
    .install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function openLineage(search = "") {
  return openPage(<ArtifactPage />, {
    path: "/:entity/:project/artifacts/:type/:name/:version/:tab",
    address: `/acme/mnist/artifacts/dataset/cifar-clean/v3/lineage${search}`,
  });
}

const findGraph = () => screen.findByRole("group", { name: /^Lineage, 3 versions, 2 runs/ });

describe("the lineage of a version", () => {
  it("is a graph of links, from where it comes to what came of it", async () => {
    const { container } = openLineage();
    const graph = within(await findGraph());
    expect(graph.getByRole("link", { name: "raw v3 dataset" })).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts/dataset/raw/v3/overview",
    );
    expect(graph.getByRole("link", { name: "train-1 running run · train" })).toHaveAttribute(
      "href",
      "/acme/mnist/runs/train-1",
    );
    expect(
      graph.getByRole("link", { name: "cifar-clean v3 dataset latest this version" }),
    ).toBeVisible();
    const left = (name: RegExp) => Number.parseFloat(graph.getByRole("link", { name }).style.left);
    expect(left(/^raw v3/)).toBeLessThan(left(/^clean-3/));
    expect(left(/^clean-3/)).toBeLessThan(left(/this version/));
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("is walked along its edges by arrow keys", async () => {
    openLineage();
    const graph = within(await findGraph());
    graph.getByRole("link", { name: "raw v3 dataset" }).focus();
    await userEvent.keyboard("{ArrowRight}{ArrowRight}");
    expect(graph.getByRole("link", { name: /this version/ })).toHaveFocus();
    await userEvent.keyboard("{ArrowRight}");
    expect(document.activeElement?.textContent).toMatch(/train-1|12 more/);
    await userEvent.keyboard("{ArrowUp}{ArrowDown}{ArrowLeft}");
    expect(graph.getByRole("link", { name: /this version/ })).toHaveFocus();
  });

  it("opens a stack, remembers it in the address, and closes it again", async () => {
    openLineage();
    await userEvent.click(await screen.findByRole("button", { name: "12 more runs" }));
    await waitFor(() =>
      expect(server.requests.at(-1)?.query.getAll("expand")).toEqual(["stack-1"]),
    );
    await waitFor(() => expect(screen.getByLabelText("address")).toHaveTextContent("open=stack-1"));
    await userEvent.click(screen.getByRole("button", { name: "Close the stacks" }));
    await waitFor(() => expect(screen.getByLabelText("address")).not.toHaveTextContent("open="));
  });

  it("asks for the depth and direction that are chosen", async () => {
    openLineage();
    await findGraph();
    await userEvent.selectOptions(screen.getByLabelText("Depth"), "5");
    await userEvent.selectOptions(screen.getByLabelText("Direction"), "Where it comes from");
    await waitFor(() => {
      const query = server.requests.at(-1)?.query;
      expect([query?.get("depth"), query?.get("direction")]).toEqual(["5", "up"]);
    });
  });

  it("is the same as a table", async () => {
    const { container } = openLineage();
    await findGraph();
    await userEvent.click(screen.getByRole("button", { name: "View as table" }));
    const row = within(await screen.findByRole("row", { name: /^cifar-clean:v3/ }));
    expect(row.getByRole("link", { name: "clean-3" })).toBeVisible();
    expect(row.getByRole("button", { name: "12 more: runs" })).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("says when it is not all of it", async () => {
    server.on(`GET ${V3}/lineage`, () => ({ ...LINEAGE, truncated: true }));
    openLineage();
    expect(await screen.findByText(/More than 300 versions and runs/)).toBeVisible();
  });

  it("shows what is in the trash as such, and what is gone without a link", async () => {
    server.on(`GET ${V3}/lineage`, () => ({
      ...LINEAGE,
      nodes: LINEAGE.nodes.map((node) =>
        node.id === "raw:v3" ? { ...node, state: "DELETED" } : node,
      ),
    }));
    openLineage();
    expect(await screen.findByRole("img", { name: "dataset raw:v3, deleted" })).toBeVisible();
  });

  it("says how it would be connected where it is not", async () => {
    server.on(`GET ${V3}/lineage`, () => ({
      root: "cifar-clean:v3",
      nodes: [makeNode("cifar-clean:v3")],
      edges: [],
      truncated: false,
    }));
    openLineage();
    expect(await screen.findByRole("link", { name: "How to use it in a run" })).toBeVisible();
  });

  it("says what failed", async () => {
    server.on(`GET ${V3}/lineage`, () => problem(403, "forbidden", "not for you"));
    openLineage();
    expect(await screen.findByText("not for you")).toBeVisible();
  });

  it("puts 300 nodes into a page of a bounded size", async () => {
    const runs = Array.from({ length: 150 }, (_, i) =>
      makeNode(`train-${i}`, { kind: "run", version: null, state: "finished" }),
    );
    const models = Array.from({ length: 149 }, (_, i) => makeNode(`model-${i}:v0`));
    server.on(`GET ${V3}/lineage`, () => ({
      root: "cifar-clean:v3",
      nodes: [makeNode("cifar-clean:v3"), ...runs, ...models],
      edges: [
        ...runs.map(({ id }) => ({ from: "cifar-clean:v3", to: id, kind: "used" })),
        ...models.map(({ id }, i) => ({ from: `train-${i}`, to: id, kind: "logged" })),
      ],
      truncated: false,
    }));
    openLineage();
    const graph = await screen.findByRole("group", { name: /^Lineage, 150 versions, 150 runs/ });
    expect(graph.querySelectorAll("*").length).toBeLessThan(5_000);
  });
});

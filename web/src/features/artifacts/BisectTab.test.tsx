import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installLayout } from "~/core/testing/canvas";
import { type FakeServer, openPage, problem } from "~/testing/page";
import ArtifactPage from "./ArtifactPage";
import { DATA, DIFF, makeArtifactServer, makeStep } from "./testing/artifactServer";

let server: FakeServer;
const ACCURACY = [0.9, 0.91, 0.4, 0.38];

beforeEach(() => {
  installLayout();
  server = makeArtifactServer()
    .on(`GET ${DATA}/bisect`, ({ query }) => {
      const metric = query.get("metric");
      const steps = ACCURACY.map((value, index) => {
        const own = metric === "acc" ? value : metric === "loss" ? 1 - value : null;
        return makeStep(index, own, ACCURACY[index - 1]);
      }).reverse();
      const isFirst = query.get("cursor") === null;
      return {
        items: isFirst ? steps.slice(0, 2) : steps.slice(2),
        metrics: isFirst ? ["acc", "loss"] : ["acc"],
        next_cursor: isFirst ? "more" : null,
        total: 4,
      };
    })
    .on(`GET ${DATA}/versions/v1/diff`, () => DIFF)
    .on(`GET ${DATA}/versions/v0/diff`, () => DIFF)
    .install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function open(search = "") {
  return openPage(<ArtifactPage />, {
    path: "/:entity/:project/artifacts/:type/:name/:version/:tab",
    address: `/acme/mnist/artifacts/dataset/cifar-clean/v3/bisect${search}`,
  });
}

async function findRows() {
  const table = within(await screen.findByRole("table", { name: "Versions in a row" }));
  return table.getAllByRole("row").slice(1);
}

async function showAll() {
  await findRows();
  await userEvent.click(await screen.findByRole("button", { name: "Show more of 4 versions" }));
  await waitFor(async () => expect(await findRows()).toHaveLength(4));
}

describe("versions in a row", () => {
  it("say their metric, its change and how much changed, by page", async () => {
    const { container } = open();
    await showAll();
    expect((await findRows()).map((row) => row.textContent)).toEqual([
      expect.stringMatching(/^goodbadv3.*0\.38-0\.02/),
      expect.stringMatching(/^goodbadv2.*0\.4-0\.51/),
      expect.stringMatching(/^goodbadv1.*0\.91\+0\.01/),
      expect.stringMatching(/^goodbadv0.*0\.9–––––/),
    ]);
    const changed = screen.getByRole("link", { name: "2 config changed from v1 to v2" });
    expect(changed).toHaveAttribute(
      "href",
      "/acme/mnist/artifacts/dataset/cifar-clean/v2/diff?to=v1",
    );
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("are marked by a limit, and what changed at the break is shown", async () => {
    open();
    await showAll();
    expect(screen.getByText(/^Write the worst value that is still good/)).toBeVisible();
    await userEvent.type(screen.getByLabelText("Good from"), "0.8");
    expect(
      await screen.findByText("acc broke at v2: it is the first bad version after v1."),
    ).toBeVisible();
    expect(await screen.findByRole("row", { name: /^threshold 0.5 0.75/ })).toBeVisible();
    const asked = server.requests.find(({ path }) => path.endsWith("/diff"));
    expect([asked?.path.split("/").at(-2), asked?.query.get("to")]).toEqual(["v1", "v2"]);
    await userEvent.clear(screen.getByLabelText("Good from"));
    await userEvent.type(screen.getByLabelText("Good from"), "low");
    expect(await screen.findByText("Write a number, as 0.9 or 1e-3.")).toBeVisible();
  });

  it("are marked by hand, which the address keeps, and lead to the one to try next", async () => {
    open();
    await showAll();
    await userEvent.click(screen.getByRole("button", { name: "v3 is bad" }));
    await userEvent.click(screen.getByRole("button", { name: "v0 is good" }));
    expect(
      await screen.findByText(
        "acc broke between v0 and v3. 2 versions between them are not marked: look at v1 next.",
      ),
    ).toBeVisible();
    expect(screen.getByRole("button", { name: "v0 is good" })).toHaveAttribute(
      "aria-pressed",
      "true",
    );
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent(/good=v0&bad=v3|bad=v3&good=v0/),
    );
    await userEvent.click(screen.getByRole("button", { name: "Clear my marks" }));
    expect(await screen.findByText(/^Write the worst value/)).toBeVisible();
  });

  it("are asked for by another metric, of which less may be better", async () => {
    open("?metric=loss&goal=min&limit=0.2");
    await showAll();
    expect(screen.getByLabelText("Good up to")).toHaveValue("0.2");
    expect(await screen.findByText(/^loss broke at v2/)).toBeVisible();
    const metrics = server.requests
      .filter(({ path }) => path.endsWith("/bisect"))
      .map(({ query }) => query.get("metric"));
    expect(new Set(metrics)).toEqual(new Set(["loss"]));
  });

  it("that no run with a metric logged say so", async () => {
    server.on(`GET ${DATA}/bisect`, () => ({
      items: [makeStep(0, null)],
      metrics: [],
      next_cursor: null,
      total: 1,
    }));
    open();
    expect(await screen.findByText("No run behind these versions has a metric")).toBeVisible();
  });

  it("that cannot be read are asked for again", async () => {
    server.on(`GET ${DATA}/bisect`, () => problem(500, "internal", "The disk is gone."));
    open();
    expect(await screen.findByText("The disk is gone.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Retry" })).toBeVisible();
  });
});

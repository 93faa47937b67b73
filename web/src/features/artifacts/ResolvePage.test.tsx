import { screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openPage, problem } from "~/testing/page";
import ResolvePage from "./ResolvePage";
import { DATA, makeArtifactServer, PROJECT } from "./testing/artifactServer";

afterEach(() => vi.unstubAllGlobals());

const WHOLE = "/acme/mnist/artifacts/dataset/cifar-clean";

describe("a short address of an artifact", () => {
  it.each([
    ["cifar-clean", `${WHOLE}/v3/overview`],
    ["dataset/cifar-clean", `${WHOLE}/v3/overview`],
    ["cifar-clean/v1", `${WHOLE}/v1/overview`],
    ["dataset/cifar-clean/prod", `${WHOLE}/prod/overview`],
    ["dataset", "/acme/mnist/artifacts?type=dataset"],
    ["nobody/knows", "/acme/mnist/artifacts?type=nobody"],
  ])("%s leads to %s", async (short, whole) => {
    makeArtifactServer().install();
    openPage(<ResolvePage />, {
      path: "/:entity/:project/artifacts/:first/:second?/:third?",
      address: `/acme/mnist/artifacts/${short}`,
    });
    await waitFor(() => expect(screen.getByLabelText("address").textContent).toBe(whole));
  });

  it("says so when it cannot be looked up", async () => {
    makeArtifactServer()
      .on(`GET ${DATA}`, () => problem(403, "forbidden", "no"))
      .on(`GET ${PROJECT}/artifacts/dataset`, () => problem(403, "forbidden", "no"))
      .install();
    openPage(<ResolvePage />, {
      path: "/:entity/:project/artifacts/:first/:second?/:third?",
      address: "/acme/mnist/artifacts/dataset/cifar-clean",
    });
    expect(await screen.findByText("The artifact could not be read")).toBeVisible();
  });
});

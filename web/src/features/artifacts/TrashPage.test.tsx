import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TrashedVersion } from "~/api/types";
import { type FakeServer, openPage, problem } from "~/testing/page";
import TrashPage from "./TrashPage";
import { makeArtifactServer, makeVersion, PROJECT, page, V3 } from "./testing/artifactServer";

let server: FakeServer;
let items: TrashedVersion[];

beforeEach(() => {
  items = [
    {
      version: makeVersion(3).source,
      deleted_at_us: 1.7e15,
      expires_at_us: 1.702e15,
      deleted_by: "ada",
      freed_bytes: 8_000_000,
    },
  ];
  server = makeArtifactServer()
    .on(`GET ${PROJECT}/artifact-trash`, () => page(items))
    .install();
});
afterEach(() => vi.unstubAllGlobals());

function openTrash() {
  return openPage(<TrashPage />, {
    path: "/:entity/:project/artifact-trash",
    address: "/acme/mnist/artifact-trash",
  });
}

describe("the trash", () => {
  it("gives a version back", async () => {
    server.on(`POST ${V3}:restore`, () => {
      items = [];
      return makeVersion(3);
    });
    const { container } = openTrash();
    const button = await screen.findByRole("button", { name: "Restore cifar-clean:v3" });
    await waitFor(() => expect(button).toBeEnabled());
    expect((await axe.run(container)).violations).toEqual([]);
    await userEvent.click(button);
    expect(await screen.findByText("cifar-clean:v3 is back.")).toBeVisible();
    expect(await screen.findByText("The trash is empty")).toBeVisible();
  });

  it("says why a version does not come back", async () => {
    server.on(`POST ${V3}:restore`, () => problem(409, "gone", "its files are gone"));
    openTrash();
    const button = await screen.findByRole("button", { name: "Restore cifar-clean:v3" });
    await waitFor(() => expect(button).toBeEnabled());
    await userEvent.click(button);
    expect(await screen.findByText("Not restored: its files are gone")).toBeVisible();
  });
});

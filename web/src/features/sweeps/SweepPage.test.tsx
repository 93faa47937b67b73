import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installCanvas, installLayout } from "~/core/testing/canvas";
import { type FakeServer, openPage, problem } from "~/testing/page";
import SweepPages from "./SweepPages";
import {
  CONFIG,
  makeColumns,
  makeDetail,
  makeSweepServer,
  SWEEP,
  SWEEPS,
} from "./testing/sweepServer";

let server: FakeServer;

beforeEach(() => {
  installCanvas();
  installLayout();
  server = makeSweepServer().install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function openSweeps(rest = "/s1") {
  return openPage(<SweepPages />, {
    path: "/:entity/:project/sweeps/*",
    address: `/acme/mnist/sweeps${rest}`,
  });
}

const figure = () => screen.findByRole("figure", { name: /^Parallel coordinates of/ });

describe("the page of a sweep", () => {
  it("counts what became of trials, each by itself, and lists them all", async () => {
    const { container } = openSweeps();
    expect(await figure()).toHaveAccessibleName(
      "Parallel coordinates of 5 trials over lr, opt, loss",
    );
    const counted = screen.getByRole("list", { name: "Counted trials" });
    expect(
      within(counted)
        .getAllByRole("button")
        .map((each) => each.textContent),
    ).toEqual(["2 complete", "1 stopped early", "1 failed", "1 running"]);
    const grid = screen.getByRole("grid", { name: "Trials" });
    expect(within(grid).getByRole("link", { name: "brisk-1" })).toHaveAttribute(
      "href",
      "/acme/mnist/runs/r1/overview",
    );
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("leaves out what is switched off, and says what is counted", async () => {
    openSweeps();
    await userEvent.click(await screen.findByRole("button", { name: "1 stopped early" }));
    expect(
      await screen.findByText(/^Counted: 2 complete, 1 failed, 1 running, 4 of 5/),
    ).toBeVisible();
    expect(await figure()).toHaveAccessibleName(/of 4 trials/);
    await waitFor(() => expect(screen.getByLabelText("address")).toHaveTextContent("hide=stopped"));
  });

  it("selects by ranges that were typed, everywhere, and fills the edit with them", async () => {
    server.on(`POST ${SWEEP}/narrowed`, () => ({
      config: CONFIG.replace("[adam, sgd]", "[sgd]"),
      notes: ["lr: it is a constant"],
    }));
    openSweeps();
    await userEvent.click(await screen.findByRole("button", { name: "Axis opt" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Choose ranges…" }));
    const dialog = await screen.findByRole("dialog", { name: "Ranges of opt" });
    await userEvent.click(within(dialog).getByRole("checkbox", { name: "sgd" }));
    await userEvent.click(within(dialog).getByRole("button", { name: "Done" }));
    expect(await screen.findByText("2 of 5 trials selected")).toBeVisible();
    const table = await screen.findByRole("region", { name: "Selected trials" });
    await waitFor(() =>
      expect(
        within(table)
          .getAllByRole("link")
          .map((link) => link.textContent),
      ).toEqual(["brisk-1", "brisk-3"]),
    );
    await userEvent.click(screen.getByRole("button", { name: "Narrow the space to this" }));
    const edit = await screen.findByRole("dialog", { name: "Edit what is searched" });
    expect(server.sent("POST").find(({ path }) => path.endsWith("narrowed"))?.body).toEqual({
      parameters: { opt: { ranges: [], values: ["sgd"] } },
    });
    expect(within(edit).getByLabelText("Configuration")).toHaveValue(
      CONFIG.replace("[adam, sgd]", "[sgd]"),
    );
    expect(within(edit).getByRole("list", { name: "Not narrowed" })).toHaveTextContent(
      "a constant",
    );
    expect(await within(edit).findByText(/two values only/)).toBeVisible();
    expect(within(edit).getByRole("region", { name: "What changes" })).toHaveTextContent(
      "+ opt: {values: [sgd]}",
    );
  });

  it("tells what is odd about its configuration", async () => {
    server.on(`GET ${SWEEP}`, () => makeDetail({ warnings: ["metric: nobody logs it"] }));
    openSweeps();
    await userEvent.click(await screen.findByText("1 remark about the configuration"));
    expect(screen.getByText("metric: nobody logs it")).toBeVisible();
  });

  it("is brushed by the address that leads to it", async () => {
    openSweeps("/s1?brush=metric%3Aloss~0..0.3");
    expect(await screen.findByText("1 of 5 trials selected")).toBeVisible();
  });

  it("asks before it cancels, says what happens to running trials, and shows a refusal", async () => {
    server.on(`PATCH ${SWEEP}`, () => problem(409, "conflict", "the sweep is over already"));
    openSweeps();
    await userEvent.click(await screen.findByRole("button", { name: "End the sweep" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: /^Cancel/ }));
    const dialog = await screen.findByRole("dialog", { name: "Cancel this sweep?" });
    expect(dialog).toHaveTextContent("1 running trial will be stopped now");
    expect(server.sent("PATCH")).toEqual([]);
    await userEvent.click(within(dialog).getByRole("button", { name: "Cancel the sweep" }));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent("over already");
    expect(server.sent("PATCH")[0]?.body).toEqual({ state: "canceled" });
  });

  it("says why a trial was tried and why it was stopped", async () => {
    openSweeps();
    const grid = await screen.findByRole("grid", { name: "Trials" });
    await userEvent.click(within(grid).getAllByRole("button", { name: /^Open trial/ })[2] as never);
    const dialog = await screen.findByRole("dialog", { name: "Trial 2: brisk-2" });
    expect(dialog).toHaveTextContent("near the best");
    expect(dialog).toHaveTextContent("bracket 0, rung 9: worse than 0.3");
    expect(dialog).toHaveTextContent("job 4711, task 2");
  });

  it("shows the first command while there is no trial, and what is not there", async () => {
    server.on(`GET ${SWEEP}`, () => makeDetail({ trial_count: 0, trial_counts: {} }));
    const empty = { index: [], run: [], state: [], total: 0, parameters: [], metrics: [] };
    server.on(`GET ${SWEEP}/columns`, () => makeColumns(empty));
    const { unmount } = openSweeps();
    expect(await screen.findByText("steelyard agent acme/mnist/s1")).toBeVisible();
    unmount();
    openSweeps("/gone");
    expect(
      await screen.findByRole("heading", { name: "There is no such sweep here" }),
    ).toBeVisible();
  });
});

describe("the sweeps of a project", () => {
  it("are listed with their best, their trials and their limits", async () => {
    const { container } = openSweeps("");
    const table = await screen.findByRole("table", { name: "Sweeps" });
    expect(within(table).getByRole("link", { name: "warm-up" })).toHaveAttribute(
      "href",
      "/acme/mnist/sweeps/s1",
    );
    const row = within(table).getAllByRole("row")[1];
    expect(row).toHaveTextContent("loss 0.2");
    expect(row).toHaveTextContent("1 stopped early");
    expect(row).toHaveTextContent("20 trials, $12");
    expect((await axe.run(container)).violations).toEqual([]);
    await userEvent.selectOptions(screen.getByLabelText("State"), "paused");
    await waitFor(() => expect(server.requests.at(-1)?.query.get("state")).toBe("paused"));
  });

  it("say how to make the first one, and what went wrong", async () => {
    server.on(`GET ${SWEEPS}:overview`, () => ({ items: [], next_cursor: null, total: 0 }));
    const { unmount } = openSweeps("");
    expect(await screen.findByRole("heading", { name: "No sweeps yet" })).toBeVisible();
    unmount();
    server.on(`GET ${SWEEPS}:overview`, () => problem(500, "broken", "It broke."));
    openSweeps("");
    expect(await screen.findByText("It broke.")).toBeVisible();
  });
});

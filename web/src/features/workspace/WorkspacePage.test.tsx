import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { MemoryRouter, Route, Routes, useLocation } from "react-router";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installCanvas, installLayout } from "~/core/testing/canvas";
import { FakeEventSource } from "../../testing/eventSource";
import { ProjectServer } from "./testing/projectServer";
import WorkspacePage from "./WorkspacePage";

let server: ProjectServer;

beforeEach(() => {
  server = new ProjectServer();
  installCanvas();
  installLayout();
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("EventSource", FakeEventSource);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  FakeEventSource.all.length = 0;
});

function Address() {
  return <output aria-label="address">{useLocation().search}</output>;
}

function openWorkspace(search = "") {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <QueryClientProvider client={client}>
      <MemoryRouter initialEntries={[`/acme/mnist${search}`]}>
        <Address />
        <Routes>
          <Route path="/:entity/:project" element={<WorkspacePage />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const findChart = (name: RegExp) => screen.findByRole("figure", { name });
const getAddress = () => new URLSearchParams(screen.getByLabelText("address").textContent ?? "");

describe("the workspace", () => {
  it("draws one chart per metric for the newest ten runs", async () => {
    server.addRuns(12);
    openWorkspace();
    await findChart(/^train\/loss, 10 runs, up to step 9, lowest/);
    await findChart(/^eval\/acc, 10 runs/);
    expect(screen.getByText("10 of 12 runs shown")).toBeVisible();
    expect(server.seriesQueries).toHaveLength(1);
    expect(server.seriesQueries[0]?.runs).toHaveLength(10);
  });

  it("shows how to log the first run, and turns into charts when it comes", async () => {
    openWorkspace();
    expect(await screen.findByText("Waiting for the first point")).toBeVisible();
    expect(screen.getByText(/wandb login --host=/)).toBeVisible();
    expect(screen.getByText(/entity="acme", project="mnist"/)).toBeVisible();
    server.addRuns(1);
    act(() => FakeEventSource.emitRuns(["run-1"]));
    await findChart(/^train\/loss, 1 run,/);
  });

  it("keeps a run without numbers waiting, and draws its first point", async () => {
    server.addRuns(1);
    const { keys } = server;
    server.keys = [];
    openWorkspace();
    expect(
      await screen.findByRole("heading", { name: "Waiting for the first point" }),
    ).toBeVisible();
    server.keys = keys;
    act(() => FakeEventSource.emitRuns(["run-1"]));
    await findChart(/^train\/loss, 1 run,/);
  });

  it("hides a run without asking the server, and says so in the address", async () => {
    server.addRuns(3);
    openWorkspace();
    await findChart(/^train\/loss, 3 runs/);
    const before = server.seriesQueries.length;
    await userEvent.click(screen.getByRole("button", { name: "Show brisk-2" }));
    await findChart(/^train\/loss, 2 runs/);
    expect(server.seriesQueries).toHaveLength(before);
    await waitFor(() => expect(getAddress().getAll("hide")).toEqual(["run-2"]));
    await userEvent.click(screen.getByRole("button", { name: "Reset" }));
    await findChart(/^train\/loss, 3 runs/);
  });

  it("shows one run alone and opens the same from its link", async () => {
    server.addRuns(3);
    const { unmount } = openWorkspace();
    await findChart(/^train\/loss, 3 runs/);
    await userEvent.click(screen.getByRole("button", { name: "Show only brisk-1" }));
    await findChart(/^train\/loss, 1 run,/);
    await waitFor(() => expect(getAddress().get("solo")).toBe("run-1"));
    const link = screen.getByLabelText("address").textContent ?? "";
    unmount();
    openWorkspace(link);
    await findChart(/^train\/loss, 1 run,.* brisk-1$/);
  });

  it("searches runs and offers the way back when none matches", async () => {
    server.addRuns(3);
    openWorkspace();
    await findChart(/^train\/loss, 3 runs/);
    await userEvent.type(screen.getByRole("searchbox", { name: "Search runs" }), "brisk-3");
    await findChart(/^train\/loss, 1 run,/);
    await userEvent.type(screen.getByRole("searchbox", { name: "Search runs" }), "x");
    await userEvent.click(await screen.findByRole("button", { name: "Clear search" }));
    await findChart(/^train\/loss, 3 runs/);
  });

  it("searches panels by expression", async () => {
    server.addRuns(2);
    openWorkspace();
    await findChart(/^eval\/acc/);
    const search = screen.getByRole("searchbox", { name: "Search panels" });
    fireEvent.change(search, { target: { value: "/^train/" } });
    await waitFor(() => expect(screen.queryByRole("figure", { name: /^eval/ })).toBeNull());
    await findChart(/^train\/loss/);
    await waitFor(() => expect(getAddress().get("panels")).toBe("/^train/"));
    fireEvent.change(search, { target: { value: "/(/" } });
    expect(search).toBeInvalid();
  });

  it("asks nothing for a collapsed section", async () => {
    server.addRuns(2);
    openWorkspace("?closed=eval");
    await findChart(/^train\/loss, 2 runs/);
    expect(server.seriesQueries.flatMap((query) => query.panels.map((panel) => panel.key))).toEqual(
      ["train/loss"],
    );
    await userEvent.click(screen.getByRole("button", { name: /^eval/ }));
    await findChart(/^eval\/acc, 2 runs/);
  });

  it("names what it does not draw", async () => {
    server.addRuns(1);
    openWorkspace();
    await findChart(/^train\/loss/);
    const others = screen.getByText(/Not numeric/).closest("details") as HTMLElement;
    expect(within(others).getByText("samples")).toBeInTheDocument();
    expect(within(others).getByText("media")).toBeInTheDocument();
  });

  it("shows the numbers as a table", async () => {
    server.addRuns(2);
    openWorkspace();
    const chart = await findChart(/^train\/loss, 2 runs/);
    await userEvent.click(within(chart).getByRole("button", { name: "View as table" }));
    const row = await within(chart).findByRole("row", { name: /brisk-1/ });
    expect(
      within(row)
        .getAllByRole("cell")
        .map((cell) => cell.textContent),
    ).toEqual(["0.1", "9", "0.1", "1", "10"]);
  });

  it("follows live events: new numbers replace the old ones", async () => {
    server.addRuns(1);
    openWorkspace();
    await findChart(/lowest 0.1 brisk-1$/);
    server.scale = 0.5;
    act(() => FakeEventSource.emitRuns(["run-1"]));
    await waitFor(() => findChart(/lowest 0.05 brisk-1$/), { timeout: 3_000 });
  });

  it("asks for other numbers when the x axis changes", async () => {
    server.addRuns(1);
    openWorkspace("?x=metric:epoch");
    await findChart(/^train\/loss, 1 run/);
    expect(server.seriesQueries[0]?.x).toEqual({ axis: "metric", key: "epoch" });
    expect(screen.getByRole("button", { name: "x: epoch" })).toBeVisible();
  });

  it("pages through many keys and says how many are left", async () => {
    server.addRuns(1);
    server.keys = Array.from({ length: 70 }, (_, i) => ({
      key: `m/${i}`,
      kind: "number",
      run_count: 1,
      last_step: 9,
    }));
    openWorkspace("?closed=m");
    expect(await screen.findByText("10 metrics not shown yet")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Show 10 more" }));
    expect(await screen.findByRole("button", { name: /^m 70/ })).toBeVisible();
  });

  it("says what failed and tries again when asked", async () => {
    server.addRuns(1);
    server.fail("runs:query", 503);
    openWorkspace();
    const problem = await screen.findByRole("alert");
    expect(problem).toHaveTextContent("The runs could not be read");
    server.fail(null);
    await userEvent.click(within(problem).getByRole("button", { name: "Retry" }));
    await findChart(/^train\/loss/);
  });

  it("takes an unknown project for one that is still to come", async () => {
    server.fail("runs:query", 404);
    openWorkspace();
    await screen.findByRole("heading", { name: "No project acme/mnist yet" });
    server.fail(null);
    server.addRuns(1);
    act(() => FakeEventSource.emitRuns(["run-1"]));
    await findChart(/^train\/loss, 1 run/);
  });

  it("says in the chart when its numbers could not be read", async () => {
    server.addRuns(1);
    server.fail("series:query", 500);
    openWorkspace("?closed=eval");
    const chart = await findChart(/^train\/loss/);
    expect(await within(chart).findByRole("alert")).toHaveTextContent("made to fail");
    server.fail(null);
    await userEvent.click(within(chart).getByRole("button", { name: "Retry" }));
    await findChart(/^train\/loss, 1 run/);
  });

  it("hides the run list by key, and not while someone types", async () => {
    server.addRuns(1);
    openWorkspace();
    await findChart(/^train\/loss/);
    await userEvent.type(screen.getByRole("searchbox", { name: "Search panels" }), "[[");
    expect(screen.getByRole("complementary", { name: "Run list" })).toBeVisible();
    fireEvent.keyDown(document.body, { key: "[" });
    expect(screen.queryByRole("complementary", { name: "Run list" })).toBeNull();
  });

  it("says which parts of a link it does not understand", async () => {
    server.addRuns(1);
    openWorkspace("?smooth=9&y=log");
    expect(await screen.findByText("1 part of this link ignored: smooth=9")).toBeVisible();
    expect(screen.getByRole("button", { name: "Log y" })).toHaveAttribute("aria-pressed", "true");
  });

  it.each([
    ["with charts", 3, "?smooth=0.5"],
    ["empty", 0, ""],
  ])("has no accessibility problems when it is %s", async (_, count, search) => {
    server.addRuns(count);
    const { container } = openWorkspace(search);
    if (count > 0) await findChart(/^eval\/acc, 3 runs/);
    else await screen.findByText("Waiting for the first point");
    // Colours are checked by the palette and token tests: jsdom has no layout to look at.
    const { violations } = await axe.run(container, {
      rules: { "color-contrast": { enabled: false } },
    });
    expect(violations.map((violation) => [violation.id, violation.nodes[0]?.html])).toEqual([]);
  });
});

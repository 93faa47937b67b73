import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RunDetail, RunPatch } from "../../api/types";
import { FakeEventSource } from "../../testing/eventSource";
import { FakeServer, openPage, problem } from "../../testing/page";
import RunPage from "./RunPage";

const API = "/api/v1/acme/mnist/runs/run-991";
const RUN: RunDetail = {
  name: "run-991",
  display_name: "brisk-owl-1",
  state: "running",
  created_at_us: 1.7e15,
  updated_at_us: 1.7e15,
  heartbeat_at_us: 1.7e15,
  finished_at_us: null,
  duration_s: 60,
  username: "ada",
  group: null,
  job_type: null,
  tags: ["best"],
  notes: null,
  sweep: null,
  color: null,
  entity: "acme",
  project: "mnist",
  columns: {},
  config: { lr: 0.1 },
  summary: {},
  metadata: {
    program: "train.py",
    args: ["--name", "two words"],
    git: { commit: "a1b2c3d4e5f6", branch: "warm-up", dirty: true },
  },
  exit_code: null,
  stop_requested: false,
  history_row_count: 10,
  log_line_count: 3,
  system_row_count: 0,
  overwritten_value_count: 2,
  forked_from: null,
};

let server: FakeServer;
let run: RunDetail;

beforeEach(() => {
  run = RUN;
  server = new FakeServer()
    .on(`GET ${API}`, () => run)
    .on(`PATCH ${API}`, ({ body }) => {
      run = { ...run, ...(body as Partial<RunDetail> & RunPatch) } as RunDetail;
      return run;
    })
    .install();
});
afterEach(() => vi.unstubAllGlobals());

function openRun(tab = "overview") {
  return openPage(<RunPage />, {
    path: "/:entity/:project/runs/:run/:tab",
    address: `/acme/mnist/runs/run-991/${tab}`,
  });
}

describe("the overview of a run", () => {
  it("shows where it ran, what it was told, and what was overwritten", async () => {
    const { container } = openRun();
    expect(await screen.findByRole("heading", { name: "brisk-owl-1" })).toBeVisible();
    expect(screen.getByText("python train.py --name 'two words'")).toBeVisible();
    expect(screen.getByText("a1b2c3d4e5")).toBeVisible();
    expect(screen.getByText(/on warm-up, changed since/)).toBeVisible();
    expect(screen.getByText(/2 values were logged again/)).toBeVisible();
    expect(screen.getByRole("row", { name: /^lr 0.1/ })).toBeVisible();
    expect(screen.getByText("The last values that the run logs appear here.")).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("renames at once, and takes it back on undo", async () => {
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "Edit: Name of the run" }));
    await userEvent.keyboard("better name{Enter}");
    expect(screen.getByRole("heading", { name: "better name" })).toBeVisible();
    await userEvent.click(await screen.findByRole("button", { name: "Undo" }));
    expect(await screen.findByRole("heading", { name: "brisk-owl-1" })).toBeVisible();
    expect(server.sent("PATCH").map((request) => request.body)).toEqual([
      { display_name: "better name" },
      { display_name: "brisk-owl-1" },
    ]);
  });

  it("puts the old name back when the server refuses the new one", async () => {
    server.on(`PATCH ${API}`, () => problem(403, "forbidden", "you may only read here"));
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "Edit: Name of the run" }));
    await userEvent.keyboard("better name{Enter}");
    expect(await screen.findByText("Not saved: you may only read here")).toBeVisible();
    expect(screen.getByRole("heading", { name: "brisk-owl-1" })).toBeVisible();
  });

  it("changes nothing when editing is given up", async () => {
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "Edit: Name of the run" }));
    await userEvent.keyboard("half a na{Escape}");
    expect(screen.getByRole("heading", { name: "brisk-owl-1" })).toBeVisible();
    expect(server.sent("PATCH")).toEqual([]);
  });

  it("adds and removes tags, and saves notes", async () => {
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "Add tag" }));
    await userEvent.keyboard("baseline{Enter}");
    await waitFor(() => expect(run.tags).toEqual(["best", "baseline"]));
    await userEvent.click(screen.getByRole("button", { name: "Remove tag best" }));
    await waitFor(() => expect(run.tags).toEqual(["baseline"]));
    await userEvent.click(screen.getByRole("button", { name: /Add a note/ }));
    await userEvent.keyboard("warm-up{Control>}{Enter}{/Control}");
    await waitFor(() => expect(run.notes).toBe("warm-up"));
  });
});

describe("actions on a run", () => {
  it("ask it to stop once", async () => {
    server.on(`POST ${API}/stop`, () => {
      run = { ...run, stop_requested: true };
      return { is_stopping: true };
    });
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "Stop" }));
    expect(await screen.findByRole("button", { name: "Stopping" })).toBeDisabled();
  });

  it("delete it only after a question, then lead to the project", async () => {
    server.on(`DELETE ${API}`, () => undefined);
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "More actions" }));
    await userEvent.click(screen.getByRole("menuitem", { name: "Delete run" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(server.sent("DELETE")).toEqual([]);
    await userEvent.click(dialog.getByRole("button", { name: "Delete the run" }));
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent(/^\/acme\/mnist$/),
    );
  });

  it("reads nothing of it any more once it is being deleted, whatever the server announces", async () => {
    vi.stubGlobal("EventSource", FakeEventSource);
    server.on(`DELETE ${API}`, () => {
      FakeEventSource.emitRuns(["run-991"]);
      return new Promise((resolve) => setTimeout(() => resolve(undefined), 50));
    });
    openRun();
    await userEvent.click(await screen.findByRole("button", { name: "More actions" }));
    await userEvent.click(screen.getByRole("menuitem", { name: "Delete run" }));
    const readBefore = server.sent("GET").length;
    await userEvent.click(screen.getByRole("button", { name: "Delete the run" }));
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent(/^\/acme\/mnist$/),
    );
    expect(server.sent("GET")).toHaveLength(readBefore);
    FakeEventSource.all.length = 0;
  });
});

describe("a run that cannot be shown", () => {
  it("leads back to its project when it does not exist", async () => {
    server.on(`GET ${API}`, () => problem(404, "run_not_found", "no such run"));
    openRun();
    expect(await screen.findByRole("link", { name: "Go to the project" })).toHaveAttribute(
      "href",
      "/acme/mnist",
    );
  });

  it("shows its overview for a view that does not exist", async () => {
    openRun("nonsense");
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("/runs/run-991/overview"),
    );
  });
});

describe("the log", () => {
  const TEXTS = ["\u001b[32mstart\u001b[0m", "10%\r100%", "loss NaN"];

  beforeEach(() => {
    // jsdom has no layout; ten lines of room are enough for three.
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(180);
    server.on(`GET ${API}/logs`, () => ({
      total: TEXTS.length,
      items: TEXTS.map((text, number) => ({ number, text, level: null, timestamp: null })),
    }));
    server.on(`GET ${API}/logs:search`, ({ query }) => ({
      items: query.get("re") === "NaN" ? [2] : [],
    }));
  });
  afterEach(() => vi.restoreAllMocks());

  it("reads as on a screen, with its colours", async () => {
    openRun("logs");
    expect(await screen.findByText("start")).toHaveStyle({ color: "var(--ansi-green)" });
    expect(screen.getByText("100%")).toBeVisible();
  });

  it("is searched, and a hit becomes part of the address", async () => {
    openRun("logs");
    await userEvent.type(await screen.findByLabelText("Search the log, regex"), "NaN{Enter}");
    expect(await screen.findByText("1 of 1")).toBeVisible();
    expect(screen.getByText("NaN", { selector: "mark" })).toBeVisible();
    await waitFor(() => expect(screen.getByLabelText("address")).toHaveTextContent("find=NaN#L3"));
  });

  it("says that it waits while a running script has printed nothing", async () => {
    run = { ...RUN, log_line_count: 0 };
    openRun("logs");
    expect(await screen.findByText("Waiting for the first line")).toBeVisible();
  });
});

describe("the files", () => {
  it("are a tree, and the chosen one is shown and in the address", async () => {
    const names = ["config.yaml", "media/images/a.png"];
    server.on(`GET ${API}/files`, () => ({
      next_cursor: null,
      total: 2,
      items: names.map((name) => ({
        name,
        size_bytes: 12,
        mimetype: "",
        updated_at_us: 1.7e15,
        url: `http://elsewhere/storage/run/1/${name}?signature=s`,
      })),
    }));
    server.on("GET /storage/run/1/config.yaml", () => new Response("lr: 0.1"));
    openRun("files");
    await userEvent.click(await screen.findByRole("button", { name: "config.yaml" }));
    expect(await screen.findByText("lr: 0.1")).toBeVisible();
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("file=config.yaml"),
    );
    await userEvent.click(screen.getByRole("button", { name: "a.png" }));
    expect(await screen.findByRole("img", { name: "media/images/a.png" })).toHaveAttribute(
      "src",
      "/storage/run/1/media/images/a.png?signature=s",
    );
  });
});

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installLayout } from "~/core/testing/canvas";
import { type FakeServer, openPage, problem } from "~/testing/page";
import ArtifactPage from "./ArtifactPage";
import {
  makeArtifactServer,
  makeFile,
  makeTreeItem,
  makeVersion,
  page,
  V3,
} from "./testing/artifactServer";

const FILES = [
  makeFile("index.json", { mimetype: "application/json" }),
  makeFile("notes.ipynb"),
  makeFile("raw.tar", {
    ref: "s3://bucket/raw.tar",
    url: null,
    size_bytes: 5_000_000,
    extra: { etag: "abc" },
  }),
  makeFile("report.html", { mimetype: "text/html" }),
  makeFile("take.wav", { mimetype: "audio/wav" }),
  makeFile("train/a.txt"),
  makeFile("train/b.txt"),
];

let server: FakeServer;

beforeEach(() => {
  installLayout();
  server = makeArtifactServer()
    .on(`GET ${V3}/tree`, ({ query }) => {
      if (query.get("path") === "train") {
        return query.get("cursor") === "next"
          ? page([makeTreeItem("train/b.txt")], { total: 2 })
          : page([makeTreeItem("train/a.txt")], { next_cursor: "next", total: 2 });
      }
      const files = FILES.filter(({ path }) => !path.includes("/"));
      return page([
        makeTreeItem("train", { is_dir: true, file_count: 2, size_bytes: 80 }),
        ...files.map(({ path, ref }) => makeTreeItem(path, { ref })),
      ]);
    })
    .on(`GET ${V3}/files`, ({ query }) => {
      const found = FILES.filter(({ path }) => path.startsWith(query.get("prefix") ?? ""));
      return page(found.slice(0, Number(query.get("limit"))));
    })
    .on("GET /artifacts/v3/index.json", () => new Response('{"rows":[1,2]}'))
    .on("GET /artifacts/v3/train/a.txt", () => new Response("first line"))
    .on("GET /artifacts/v3/train/b.txt", () => new Response("last file"))
    .on("GET /artifacts/v3/report.html", () => new Response("<h1>Report</h1>"))
    .install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function openFiles(search = "") {
  return openPage(<ArtifactPage />, {
    path: "/:entity/:project/artifacts/:type/:name/:version/:tab",
    address: `/acme/mnist/artifacts/dataset/cifar-clean/v3/files${search}`,
  });
}

const item = (name: RegExp) => screen.findByRole("treeitem", { name });

describe("the files of a version", () => {
  it("are read as they are opened, page by page, and a file is shown and in the address", async () => {
    const { container } = openFiles();
    await userEvent.click(await item(/^train/));
    expect(await item(/^a\.txt/)).toHaveAttribute("aria-level", "2");
    expect(await item(/^b\.txt/)).toBeVisible();
    await userEvent.click(await item(/^b\.txt/));
    expect(await screen.findByText("last file")).toBeVisible();
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("path=train%2Fb.txt"),
    );
    expect(screen.getByRole("link", { name: "Download" })).toHaveAttribute(
      "href",
      "/artifacts/v3/train/b.txt?signature=s",
    );
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("are walked through by keys", async () => {
    openFiles();
    (await item(/^train/)).focus();
    await userEvent.keyboard("{ArrowRight}");
    expect(await item(/^train/)).toHaveAttribute("aria-expanded", "true");
    await item(/^a\.txt/);
    await userEvent.keyboard("{ArrowDown}");
    await waitFor(async () => expect(await item(/^a\.txt/)).toHaveFocus());
    await userEvent.keyboard("{Enter}");
    expect(await screen.findByText("first line")).toBeVisible();
    await userEvent.keyboard("{ArrowLeft}");
    await waitFor(async () => expect(await item(/^train/)).toHaveFocus());
    await userEvent.keyboard("{ArrowLeft}");
    expect(await item(/^train/)).toHaveAttribute("aria-expanded", "false");
  });

  it("open the folders above the file of a link", async () => {
    openFiles("?path=train/a.txt");
    expect(await screen.findByText("first line")).toBeVisible();
    expect(await item(/^a\.txt/)).toHaveAttribute("aria-selected", "true");
  });

  it("are found by the beginning of their path", async () => {
    openFiles();
    await userEvent.type(
      await screen.findByLabelText("Find by the beginning of the path"),
      "train/",
    );
    const found = within(await screen.findByRole("list", { name: "Files found" }));
    expect(found.getAllByRole("button").map((button) => button.textContent)).toEqual([
      "train/a.txt",
      "train/b.txt",
    ]);
  });

  it("say when a link leads to no file", async () => {
    openFiles("?path=train/gone.txt");
    expect(await screen.findByText(/has no file gone.txt there/)).toBeVisible();
  });

  it("can be asked for again where a folder could not be read", async () => {
    server.on(`GET ${V3}/tree`, () => problem(403, "forbidden", "no"));
    openFiles();
    const failed = await item(/Could not be read/);
    server.on(`GET ${V3}/tree`, () => page([makeTreeItem("back.txt")]));
    await userEvent.click(failed);
    expect(await item(/^back\.txt/)).toBeVisible();
  });

  it("are none in a version that only has metadata", async () => {
    server.on(`GET ${V3}`, () => makeVersion(3, { file_count: 0, size_bytes: 0 }));
    openFiles();
    expect(await screen.findByText("This version has no files")).toBeVisible();
  });
});

describe("a file", () => {
  it("that is a reference is shown as the address it is, and not loaded", async () => {
    openFiles("?path=raw.tar");
    const shown = within(await screen.findByRole("region", { name: "Reference raw.tar" }));
    expect(shown.getByText("s3://bucket/raw.tar")).toBeVisible();
    expect(shown.getByRole("row", { name: /^etag abc/ })).toBeVisible();
    expect(screen.queryByRole("link", { name: "Download" })).toBeNull();
  });

  it("that is JSON is indented", async () => {
    openFiles("?path=index.json");
    await waitFor(() =>
      expect(
        within(screen.getByRole("region", { name: "Preview of index.json" })).getByText(/"rows"/)
          .textContent,
      ).toBe('{\n  "rows": [\n    1,\n    2\n  ]\n}'),
    );
  });

  it("that is HTML is shown in a frame without our origin, and its source on demand", async () => {
    openFiles("?path=report.html");
    const frame = await screen.findByTitle("Content of report.html");
    expect(frame.getAttribute("sandbox")).toBe("allow-scripts");
    expect(frame).toHaveAttribute("src", "/frame.html");
    await userEvent.click(screen.getByRole("button", { name: "Show the source" }));
    expect(screen.getByText("<h1>Report</h1>")).toBeVisible();
  });

  it("that is sound is played", async () => {
    openFiles("?path=take.wav");
    expect(await screen.findByLabelText("take.wav")).toHaveAttribute(
      "src",
      "/artifacts/v3/take.wav?signature=s",
    );
  });

  it("that is a large table shows its first rows, and its text on demand", async () => {
    FILES.push(makeFile("eval.csv", { mimetype: "text/csv", size_bytes: 90_000_000 }));
    server.on("GET /api/v1/previews/table", ({ query }) => {
      expect(query.get("ref")).toBe("artifact:acme/mnist/cifar-clean:v3/eval.csv");
      return {
        columns: [
          { name: "question", type: "string" },
          { name: "score", type: "number" },
          { name: "picture", type: "media", media_type: "image-file" },
        ],
        rows: [
          ["why", 0.5, { path: "a.png", url: "/artifacts/a", thumbnail_url: "/api/v1/t?s=1" }],
        ],
        row_ids: [0],
        total: 50_000,
        total_unfiltered: 50_000,
        cut: [],
      };
    });
    server.on("GET /artifacts/v3/eval.csv", () => new Response("question,score"));
    openFiles("?path=eval.csv");
    expect(await screen.findByRole("row", { name: /^0 why 0.5/ })).toBeVisible();
    expect(screen.getByRole("img", { name: "a.png" })).toHaveAttribute("src", "/api/v1/t?s=1");
    expect(screen.getByText("The first 1 rows, 3 columns")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Show as text" }));
    expect(await screen.findByText("question,score")).toBeVisible();
    FILES.pop();
  });

  it("that is a notebook is shown as cells, its HTML in a frame that runs nothing", async () => {
    const cells = [
      { cell_type: "markdown", source: ["# Cleaning\n", "by hand"] },
      {
        cell_type: "code",
        execution_count: 4,
        source: "clean(rows)",
        outputs: [
          { output_type: "stream", name: "stdout", text: ["50,000 rows\n"] },
          { output_type: "display_data", data: { "image/png": "aGk=" } },
          { output_type: "execute_result", data: { "text/html": "<b>table</b>" } },
          { output_type: "error", traceback: ["\u001b[31mValueError\u001b[0m: odd"] },
        ],
      },
    ];
    server.on("GET /artifacts/v3/notes.ipynb", () => Response.json({ cells, nbformat: 4 }));
    openFiles("?path=notes.ipynb");
    expect(await screen.findByText(/# Cleaning/)).toBeVisible();
    expect(screen.getByText("clean(rows)")).toBeVisible();
    expect(screen.getByText("50,000 rows")).toBeVisible();
    expect(screen.getByText("ValueError")).toHaveStyle({ color: "var(--ansi-red)" });
    expect(screen.getByRole("img", { name: "Output of cell 2" })).toHaveAttribute(
      "src",
      "data:image/png;base64,aGk=",
    );
    const frame = screen.getByTitle("Output of cell 2");
    expect(frame.getAttribute("sandbox")).toBe("");
    expect(frame).toHaveAttribute("srcdoc", "<b>table</b>");
  });
});

import { describe, expect, it } from "vitest";
import type { RunFile } from "../../api/types";
import { buildFileRows } from "./fileTree";

function file(name: string, size_bytes = 10): RunFile {
  return { name, size_bytes, mimetype: "text/plain", updated_at_us: 0, url: `/storage/${name}` };
}

const FILES = [
  file("requirements.txt"),
  file("media/images/img_10.png"),
  file("media/images/img_2.png", 30),
  file("media/table.json"),
  file("config.yaml"),
];

function names(options: { folded?: string[]; search?: string }): string[] {
  const { folded = [], search = "" } = options;
  return buildFileRows(FILES, { folded: new Set(folded), search }).map(
    (row) => "  ".repeat(row.depth) + row.name,
  );
}

describe("the tree of files", () => {
  it("lists folders before files, numbers in their order", () => {
    expect(names({})).toEqual([
      "media",
      "  images",
      "    img_2.png",
      "    img_10.png",
      "  table.json",
      "config.yaml",
      "requirements.txt",
    ]);
  });

  it("sums up what a folder holds, also when it is folded", () => {
    const [media] = buildFileRows(FILES, { folded: new Set(["media"]), search: "" });
    expect(media).toMatchObject({ fileCount: 3, sizeBytes: 50 });
    expect(names({ folded: ["media"] })).toEqual(["media", "config.yaml", "requirements.txt"]);
  });

  it("shows what a search finds in folders that are folded", () => {
    expect(names({ folded: ["media"], search: "IMG_2" })).toEqual([
      "media",
      "  images",
      "    img_2.png",
    ]);
  });
});

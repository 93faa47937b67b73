import { describe, expect, it } from "vitest";
import { kindOf, localUrl, prettyJson, type ShownFile } from "./fileContent";

function file(name: string, mimetype = ""): ShownFile {
  return { name, size_bytes: 10, mimetype, revision: 0, url: "", tableRef: `run:a/b/c/${name}` };
}

describe("what a file is shown as", () => {
  it.each([
    ["media/images/a_0.PNG", "", "image"],
    ["wandb-summary.json", "", "json"],
    ["notebook.ipynb", "", "notebook"],
    ["plot.SVG", "", "svg"],
    ["report.html", "", "html"],
    ["take.wav", "", "audio"],
    ["clip.mp4", "", "video"],
    ["eval.csv", "", "table"],
    ["shard-0.parquet", "", "table"],
    ["predictions.table.json", "", "table"],
    ["config.yaml", "", "text"],
    ["src/Dockerfile", "", "text"],
    ["output", "text/plain", "text"],
    ["model.pt", "application/octet-stream", "other"],
  ] as const)("%s (%s) is %s", (name, mimetype, kind) => {
    expect(kindOf(file(name, mimetype))).toBe(kind);
  });

  it("JSON that is cut off or has NaN stays as it was written", () => {
    expect(prettyJson('{"a": 1')).toBe('{"a": 1');
    expect(prettyJson('{"a":NaN}')).toBe('{"a":NaN}');
    expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  });
});

describe("addresses of files", () => {
  it("stay on the name under which this page was opened", () => {
    expect(localUrl("http://other-name:8080/storage/run/1/a.txt?signature=s")).toBe(
      "/storage/run/1/a.txt?signature=s",
    );
  });

  it("of other stores are left alone", () => {
    const url = "https://bucket.example/a.txt?X-Signature=s";
    expect(localUrl(url)).toBe(url);
  });
});

/** A Jupyter notebook as the cells a page shows. Source: nbformat 4 (nbformat.readthedocs.io, "The Notebook file format"). */

export type NotebookOutput =
  | { kind: "text"; text: string; isError: boolean }
  | { kind: "image"; url: string }
  | { kind: "markup"; html: string };

export interface NotebookCell {
  kind: "code" | "markdown" | "raw";
  source: string;
  /** Number of the execution; null when it never ran. */
  count: number | null;
  outputs: NotebookOutput[];
}

type Fields = Record<string, unknown>;

/** Null when the text is no notebook of version 4. */
export function parseNotebook(text: string): NotebookCell[] | null {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isFields(root) || !Array.isArray(root.cells)) return null;
  return root.cells.filter(isFields).map((cell) => ({
    kind: cell.cell_type === "code" ? "code" : cell.cell_type === "raw" ? "raw" : "markdown",
    source: joinText(cell.source),
    count: typeof cell.execution_count === "number" ? cell.execution_count : null,
    outputs: Array.isArray(cell.outputs)
      ? cell.outputs.filter(isFields).flatMap((output) => readOutput(output) ?? [])
      : [],
  }));
}

function readOutput(output: Fields): NotebookOutput | null {
  switch (output.output_type) {
    case "stream":
      return { kind: "text", text: joinText(output.text), isError: output.name === "stderr" };
    case "error": {
      const trace = Array.isArray(output.traceback)
        ? output.traceback.map(String).join("\n")
        : `${output.ename}: ${output.evalue}`;
      return { kind: "text", text: trace, isError: true };
    }
    default:
      return isFields(output.data) ? readBundle(output.data) : null;
  }
}

/** The richest form of one output that can be shown without running anything of ours. */
function readBundle(data: Fields): NotebookOutput | null {
  for (const type of ["image/png", "image/jpeg", "image/gif"]) {
    const base64 = joinText(data[type]).replace(/\s+/g, "");
    if (base64 !== "" && /^[A-Za-z0-9+/=]+$/.test(base64)) {
      return { kind: "image", url: `data:${type};base64,${base64}` };
    }
  }
  for (const type of ["image/svg+xml", "text/html"]) {
    if (data[type] !== undefined) return { kind: "markup", html: joinText(data[type]) };
  }
  const text = data["text/plain"] ?? data["text/markdown"];
  return text === undefined ? null : { kind: "text", text: joinText(text), isError: false };
}

/** Texts are stored whole or as a list of lines. */
function joinText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join("");
  return value === undefined || value === null ? "" : String(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

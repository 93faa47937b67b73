/** What the frame of a Plotly figure may say to the page around it. */

export type FrameState =
  | { kind: "drawn"; traces: readonly string[] }
  | { kind: "failed"; text: string };

export type FrameMessage = FrameState | { kind: "ready" } | { kind: "picture"; url: string };

const PNG = "data:image/png;base64,";
const PICTURE_CHARS_MAX = 64 * 1024 * 1024;
const REASON_CHARS_MAX = 300;

/** Null for all that the frame has no business to say. */
export function readFrameMessage(data: unknown): FrameMessage | null {
  if (data === "steelyard-plotly-ready") return { kind: "ready" };
  if (typeof data !== "object" || data === null) return null;
  if ("failed" in data && typeof data.failed === "string") {
    return { kind: "failed", text: data.failed.slice(0, REASON_CHARS_MAX) };
  }
  if ("picture" in data && typeof data.picture === "string") {
    const { picture } = data;
    const isPicture = picture.startsWith(PNG) && picture.length <= PICTURE_CHARS_MAX;
    return isPicture ? { kind: "picture", url: picture } : null;
  }
  if (!("drawn" in data) || typeof data.drawn !== "object" || data.drawn === null) return null;
  const kinds = "kinds" in data.drawn && Array.isArray(data.drawn.kinds) ? data.drawn.kinds : [];
  return { kind: "drawn", traces: kinds.filter((kind) => typeof kind === "string") };
}

/** Kinds of traces that lie on a map. */
export function mapKindsOf(kinds: readonly string[]): string[] {
  return kinds.filter((kind) => /geo|map$|mapbox$|^choropleth/.test(kind) && kind !== "heatmap");
}

/** A download of what the frame has drawn: it may not start one itself. */
export function savePicture(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replace(/(\.plotly)?\.json$/, "")}.png`;
  link.click();
}

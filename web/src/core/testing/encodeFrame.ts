/** A frame encoder for tests: plain and unoptimised, from rows of numbers with NaN for "no point". */

import { ABSENT_LEVEL, FRAME_MAGIC, type FrameMeta, HEADER_BYTES } from "../frame";

export interface FrameParts {
  panelIndex?: number;
  meta?: Partial<FrameMeta>;
  grid: readonly number[];
  series: Readonly<Record<string, readonly number[]>>;
  lo?: readonly (readonly number[])[];
  hi?: readonly (readonly number[])[];
  dtype?: "u16" | "f64";
  isExact?: boolean;
}

export function encodeFrame(parts: FrameParts): Uint8Array<ArrayBuffer> {
  const rows = Object.values(parts.series);
  const hasEnvelope = parts.lo !== undefined && parts.hi !== undefined;
  const finite = [...rows, ...(parts.lo ?? []), ...(parts.hi ?? [])].flat().filter(Number.isFinite);
  const y0 = finite.length > 0 ? Math.min(...finite) : 0;
  const y1 = finite.length > 0 ? Math.max(...finite) : 0;
  const dtype = parts.dtype ?? "f64";
  const meta: FrameMeta = {
    panel: "panel",
    key: "loss",
    stream: "history",
    x: { axis: "step", key: null },
    grid: { kind: "values", n: parts.grid.length },
    y0,
    y1,
    dtype,
    series: Object.entries(parts.series).map(([run, row]) => ({
      run,
      points: row.filter(Number.isFinite).length,
    })),
    envelope: hasEnvelope,
    nonfinite: [],
    warnings: [],
    ...parts.meta,
  };
  const toColumn = (values: readonly number[]) =>
    dtype === "f64" ? new Float64Array(values) : toLevels(values, y0, y1);
  const columns = [
    ...(meta.grid.kind === "values" ? [new Float64Array(parts.grid)] : []),
    toColumn(rows.flat()),
    ...(hasEnvelope ? [toColumn((parts.lo ?? []).flat()), toColumn((parts.hi ?? []).flat())] : []),
  ];
  const text = JSON.stringify(meta);
  const metaBytes = new TextEncoder().encode(text);
  const metaSize = Math.ceil(metaBytes.length / 8) * 8;
  const bodySize = columns.reduce((n, column) => n + Math.ceil(column.byteLength / 8) * 8, 0);
  const bytes = new Uint8Array(HEADER_BYTES + metaSize + bodySize);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, FRAME_MAGIC, true);
  header.setUint16(4, 1, true);
  header.setUint16(6, (parts.isExact === false ? 0 : 1) | (hasEnvelope ? 2 : 0), true);
  header.setUint32(8, parts.panelIndex ?? 0, true);
  header.setUint32(12, metaSize, true);
  header.setUint32(16, bodySize, true);
  bytes.fill(0x20, HEADER_BYTES, HEADER_BYTES + metaSize);
  bytes.set(metaBytes, HEADER_BYTES);
  let offset = HEADER_BYTES + metaSize;
  for (const column of columns) {
    bytes.set(new Uint8Array(column.buffer), offset);
    offset += Math.ceil(column.byteLength / 8) * 8;
  }
  return bytes;
}

/** A response body that delivers the chunks and then ends. */
export function streamOf(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function toLevels(values: readonly number[], y0: number, y1: number): Uint16Array<ArrayBuffer> {
  const scale = y1 > y0 ? 65534 / (y1 - y0) : 0;
  return Uint16Array.from(values, (value) =>
    Number.isNaN(value) ? ABSENT_LEVEL : Math.round((value - y0) * scale),
  );
}

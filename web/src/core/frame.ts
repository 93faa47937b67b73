/**
 * Decoder of the binary series frames that `series:query` streams, one frame per panel.
 *
 * A frame is a 32-byte little-endian header, JSON meta padded to 8 bytes, and 8-aligned columns. Each frame is copied
 * once from the network chunks into a buffer of its own; every column is then a typed-array view of that buffer.
 */

export const FRAME_MAGIC = 0x31465953; // "SYF1" read as a little-endian u32
export const FRAME_VERSION = 1;
export const HEADER_BYTES = 32;
/** No frame is ever this large (60,000 values × 3 columns × 8 bytes plus meta); more means a torn stream. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;
/** In u16 columns this level means "no point in this bucket"; 0…65534 span y0…y1. */
export const ABSENT_LEVEL = 65535;
const LEVEL_MAX = 65534;

const FLAG_EXACT = 1;
const FLAG_ENVELOPE = 2;
const FLAG_APPROXIMATE = 4;

export type XAxis = "step" | "relative" | "wall" | "metric";
export type NonFiniteKind = "NaN" | "+Inf" | "-Inf";
export type Column = Uint16Array | Float64Array;

export interface FrameMeta {
  panel: string;
  key: string;
  stream: string;
  x: { axis: XAxis; key?: string | null };
  grid: { kind: "uniform"; x0: number; dx: number; n: number } | { kind: "values"; n: number };
  y0: number | null;
  y1: number | null;
  dtype: "u16" | "f64";
  /** How u16 levels are spread over y0…y1. */
  scale?: "linear" | "log";
  series: { run: string; points: number }[];
  envelope: boolean;
  nonfinite: [series: number, bucket: number, kind: NonFiniteKind, count: number][];
  warnings: string[];
  error?: string | null;
}

export interface Frame {
  panelIndex: number;
  meta: FrameMeta;
  exact: boolean;
  approximate: boolean;
  /** x of each bucket, ascending; a view for grids of kind "values", computed for uniform ones. */
  grid: Float64Array;
  /** Row-major by series: value of series s in bucket b is at s * grid.length + b. */
  line: Column;
  lo: Column | null;
  hi: Column | null;
}

export class FrameError extends Error {
  override name = "FrameError";
}

/** Cuts a byte stream into frames. Feed it chunks of any size; it returns the frames that became complete. */
export class FrameReader {
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #needBytes = HEADER_BYTES;

  push(chunk: Uint8Array): Frame[] {
    if (chunk.byteLength > 0) {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.byteLength;
    }
    const frames: Frame[] = [];
    while (this.#pendingBytes >= this.#needBytes) {
      const size = frameBytes(this.#peekHeader());
      if (this.#pendingBytes < size) {
        this.#needBytes = size;
        break;
      }
      frames.push(decodeFrame(this.#take(size)));
      this.#needBytes = HEADER_BYTES;
    }
    return frames;
  }

  /** Call when the stream ended: a frame cut in the middle is an error, not a shorter chart. */
  finish(): void {
    if (this.#pendingBytes > 0) {
      throw new FrameError(`the stream ended ${this.#pendingBytes} bytes into a frame`);
    }
  }

  #peekHeader(): DataView {
    const first = this.#pending[0];
    if (first !== undefined && first.byteLength >= HEADER_BYTES) {
      return new DataView(first.buffer, first.byteOffset, HEADER_BYTES);
    }
    const header = new Uint8Array(HEADER_BYTES);
    let filled = 0;
    for (const part of this.#pending) {
      const piece = part.subarray(0, HEADER_BYTES - filled);
      header.set(piece, filled);
      filled += piece.byteLength;
      if (filled === HEADER_BYTES) break;
    }
    return new DataView(header.buffer);
  }

  #take(size: number): ArrayBuffer {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const part = this.#pending[0] as Uint8Array;
      const piece = part.subarray(0, size - filled);
      bytes.set(piece, filled);
      filled += piece.byteLength;
      if (piece.byteLength === part.byteLength) this.#pending.shift();
      else this.#pending[0] = part.subarray(piece.byteLength);
    }
    this.#pendingBytes -= size;
    return bytes.buffer;
  }
}

/** Frames of a streamed response in the order they arrive. Cancels the response when the consumer stops early. */
export async function* readFrames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const reader = body.getReader();
  const frames = new FrameReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield* frames.push(value);
    }
    ended = true;
    frames.finish();
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}

/** Decodes one whole frame. The returned columns are views of `buffer`. */
export function decodeFrame(buffer: ArrayBuffer): Frame {
  const header = new DataView(buffer, 0, HEADER_BYTES);
  if (frameBytes(header) !== buffer.byteLength) {
    throw new FrameError(`a frame of ${frameBytes(header)} bytes came in ${buffer.byteLength}`);
  }
  const flags = header.getUint16(6, true);
  const metaBytes = header.getUint32(12, true);
  const meta = parseMeta(new Uint8Array(buffer, HEADER_BYTES, metaBytes));
  const columns = new ColumnCursor(buffer, HEADER_BYTES + metaBytes);
  const pointCount = meta.grid.n;
  const valueCount = meta.series.length * pointCount;
  const hasEnvelope = (flags & FLAG_ENVELOPE) !== 0;
  const grid =
    meta.grid.kind === "values" ? columns.takeFloats(pointCount) : uniformGrid(meta.grid);
  const line = columns.take(meta.dtype, valueCount);
  const lo = hasEnvelope ? columns.take(meta.dtype, valueCount) : null;
  const hi = hasEnvelope ? columns.take(meta.dtype, valueCount) : null;
  return {
    panelIndex: header.getUint32(8, true),
    meta,
    exact: (flags & FLAG_EXACT) !== 0,
    approximate: (flags & FLAG_APPROXIMATE) !== 0,
    grid,
    line,
    lo,
    hi,
  };
}

/**
 * Values of one series as float64[n], NaN where the bucket holds no point.
 *
 * f64 columns are returned as a view; u16 levels are spread back over y0…y1, exact to half a level.
 */
export function readSeries(frame: Frame, column: Column, series: number): Float64Array {
  const n = frame.grid.length;
  const start = series * n;
  if (column instanceof Float64Array) return column.subarray(start, start + n);
  const values = new Float64Array(n);
  const y0 = frame.meta.y0 ?? 0;
  const y1 = frame.meta.y1 ?? y0;
  const isLog = frame.meta.scale === "log";
  for (let i = 0; i < n; i++) {
    const level = column[start + i] as number;
    if (level === ABSENT_LEVEL) values[i] = Number.NaN;
    else if (isLog) values[i] = y0 * (y1 / y0) ** (level / LEVEL_MAX);
    else values[i] = y0 + (level / LEVEL_MAX) * (y1 - y0);
  }
  return values;
}

function frameBytes(header: DataView): number {
  if (header.getUint32(0, true) !== FRAME_MAGIC) {
    throw new FrameError("these bytes are not a series frame (wrong magic)");
  }
  const version = header.getUint16(4, true);
  if (version !== FRAME_VERSION) {
    throw new FrameError(`series frame version ${version} is not known here; reload the page`);
  }
  const size = HEADER_BYTES + header.getUint32(12, true) + header.getUint32(16, true);
  if (size > FRAME_BYTES_MAX) throw new FrameError(`a frame claims ${size} bytes`);
  return size;
}

function parseMeta(bytes: Uint8Array): FrameMeta {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as FrameMeta;
  } catch (cause) {
    throw new FrameError("the meta of a frame is not JSON", { cause });
  }
}

function uniformGrid({ x0, dx, n }: { x0: number; dx: number; n: number }): Float64Array {
  const grid = new Float64Array(n);
  for (let i = 0; i < n; i++) grid[i] = x0 + i * dx;
  return grid;
}

class ColumnCursor {
  constructor(
    private readonly buffer: ArrayBuffer,
    private offset: number,
  ) {}

  take(dtype: FrameMeta["dtype"], count: number): Column {
    return dtype === "f64" ? this.takeFloats(count) : this.takeLevels(count);
  }

  takeFloats(count: number): Float64Array {
    return new Float64Array(this.buffer, this.advance(count * 8), count);
  }

  takeLevels(count: number): Uint16Array {
    return new Uint16Array(this.buffer, this.advance(count * 2), count);
  }

  private advance(byteCount: number): number {
    const start = this.offset;
    this.offset = start + Math.ceil(byteCount / 8) * 8;
    if (this.offset > this.buffer.byteLength) {
      throw new FrameError(`a column needs ${byteCount} bytes, the frame has fewer`);
    }
    return start;
  }
}

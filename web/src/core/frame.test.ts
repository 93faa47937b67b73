// @vitest-environment node
import { readdirSync, readFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type Column,
  decodeFrame,
  type Frame,
  FrameError,
  type FrameMeta,
  FrameReader,
  readFrames,
  readSeries,
} from "./frame";
import { encodeFrame, streamOf } from "./testing/encodeFrame";

const NO = Number.NaN;
const twoRuns = { grid: [0, 10, 20], series: { a: [1, NO, 3], b: [-1, 0.5, NO] } };

function join(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

describe("decoding a frame", () => {
  it("gives float columns as views of the frame's own buffer", () => {
    const bytes = encodeFrame(twoRuns);
    const frame = decodeFrame(bytes.buffer);
    expect(frame.line.buffer).toBe(bytes.buffer);
    expect(readSeries(frame, frame.line, 0).buffer).toBe(bytes.buffer);
    expect([...readSeries(frame, frame.line, 1)]).toEqual([-1, 0.5, NO]);
    expect([...frame.grid]).toEqual([0, 10, 20]);
  });

  it("scales u16 codes back to within half a level", () => {
    const frame = decodeFrame(encodeFrame({ ...twoRuns, dtype: "u16" }).buffer);
    const [a, b] = [readSeries(frame, frame.line, 0), readSeries(frame, frame.line, 1)];
    const level = 4 / 65534;
    expect(a[0]).toBeCloseTo(1, 3);
    expect(Math.abs((b[1] as number) - 0.5)).toBeLessThanOrEqual(level / 2 + 1e-12);
    expect([a[1], b[2]]).toEqual([NO, NO]);
    expect([a[2], b[0]]).toEqual([3, -1]);
  });

  it("computes the grid of uniform frames", () => {
    const meta = { grid: { kind: "uniform", x0: 5, dx: 2.5, n: 3 } as const };
    const frame = decodeFrame(encodeFrame({ ...twoRuns, meta }).buffer);
    expect([...frame.grid]).toEqual([5, 7.5, 10]);
  });

  it("reads the envelope after the line", () => {
    const frame = decodeFrame(
      encodeFrame({
        grid: [0, 1],
        series: { a: [2, 3] },
        lo: [[1, 2]],
        hi: [[5, 6]],
        isExact: false,
      }).buffer,
    );
    expect(frame.exact).toBe(false);
    expect([...(frame.lo ?? [])]).toEqual([1, 2]);
    expect([...(frame.hi ?? [])]).toEqual([5, 6]);
  });

  it("works for a frame without series", () => {
    const frame = decodeFrame(encodeFrame({ grid: [], series: {} }).buffer);
    expect(frame.line.length).toBe(0);
  });
});

describe("a streamed response", () => {
  const frames = [0, 1, 2].map((panelIndex) => encodeFrame({ ...twoRuns, panelIndex }));
  const whole = join(...frames);

  it.each([1, 7, 31, 33, 100, 4096])("is cut into frames from chunks of %i bytes", (size) => {
    const reader = new FrameReader();
    const seen: number[] = [];
    for (let at = 0; at < whole.length; at += size) {
      for (const frame of reader.push(whole.subarray(at, at + size))) {
        seen.push(frame.panelIndex);
        expect([...readSeries(frame, frame.line, 0)]).toEqual([1, NO, 3]);
      }
    }
    reader.finish();
    expect(seen).toEqual([0, 1, 2]);
  });

  it("hands out a frame before the next one is there", async () => {
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        feed = controller;
      },
    });
    const arrived = readFrames(body);
    feed?.enqueue(frames[0] as Uint8Array);
    expect((await arrived.next()).value?.panelIndex).toBe(0);
    feed?.close();
    expect((await arrived.next()).done).toBe(true);
  });

  it("that ends inside a frame is an error", async () => {
    const seen: number[] = [];
    const read = async () => {
      for await (const frame of readFrames(streamOf(whole.subarray(0, whole.length - 3)))) {
        seen.push(frame.panelIndex);
      }
    };
    await expect(read()).rejects.toThrow(FrameError);
    expect(seen).toEqual([0, 1]);
  });

  it("of something else is refused at once", () => {
    const text = new TextEncoder().encode(
      '{"type":"about:blank","title":"Not found","status":404}',
    );
    expect(() => new FrameReader().push(text)).toThrow(/magic/);
  });

  it("of a newer version asks for a reload", () => {
    const newer = encodeFrame(twoRuns);
    new DataView(newer.buffer).setUint16(4, 2, true);
    expect(() => new FrameReader().push(newer)).toThrow(/version 2.*reload/);
  });

  it("that claims an absurd size is refused before it is buffered", () => {
    const huge = encodeFrame(twoRuns);
    new DataView(huge.buffer).setUint32(16, 0xffffff00, true);
    expect(() => new FrameReader().push(huge)).toThrow(/claims/);
  });
});

interface Golden {
  index: number;
  exact: boolean;
  approximate: boolean;
  meta: FrameMeta;
  x: (number | null)[][];
  line: (number | null)[][];
  lo: (number | null)[][] | null;
  hi: (number | null)[][] | null;
}

describe("the golden frames of the Python encoder", () => {
  const folder = joinPath(import.meta.dirname, "fixtures");
  const names = readdirSync(folder).filter((name) => name.endsWith(".bin"));

  it("are there", () => {
    expect(names.length).toBeGreaterThan(0);
  });

  it.each(names)("%s decodes to what the second Python decoder finds", (name) => {
    const bytes = new Uint8Array(readFileSync(joinPath(folder, name)));
    const text = readFileSync(joinPath(folder, name.replace(".bin", ".json")), "utf8");
    const golden = JSON.parse(text) as Golden;
    const reader = new FrameReader();
    const [frame] = reader.push(bytes) as [Frame];
    reader.finish();
    expect(frame.panelIndex).toBe(golden.index);
    expect(frame.exact).toBe(golden.exact);
    expect(frame.approximate).toBe(golden.approximate);
    expect(frame.meta).toEqual(golden.meta);
    expectRow(frame.grid, golden.x[0] ?? []);
    for (const column of ["line", "lo", "hi"] as const) {
      const rows = golden[column];
      if (rows === null) expect(frame[column]).toBeNull();
      rows?.forEach((row, series) => {
        expectRow(readSeries(frame, frame[column] as Column, series), row);
      });
    }
  });
});

function expectRow(values: Float64Array, golden: readonly (number | null)[]) {
  golden.forEach((value, i) => {
    if (value === null) expect(values[i]).toBeNaN();
    else
      expect(Math.abs((values[i] as number) - value)).toBeLessThanOrEqual(1e-9 * Math.abs(value));
  });
}

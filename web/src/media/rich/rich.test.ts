import { describe, expect, it } from "vitest";
import frameHtml from "../../../public/plotly-frame.html?raw";
import { packGltf } from "./gltf";
import { spaceFormatOf } from "./models";
import { describeAtoms, isPolymer, isSeenFromItsEnd, moleculeFormatOf } from "./molecules";
import { mapKindsOf, readFrameMessage } from "./plotlyFrame";
import { Turns } from "./turns";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).buffer;

function readGlb(glb: ArrayBuffer) {
  const size = new DataView(glb).getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(new Uint8Array(glb, 20, size)));
  return { json, bin: [...new Uint8Array(glb, Math.min(28 + size, glb.byteLength))] };
}

describe("glTF", () => {
  const uri = (...bytes: number[]) =>
    `data:application/octet-stream;base64,${btoa(String.fromCharCode(...bytes))}`;

  it("becomes one piece that refers to nothing, and stays the same when it is", () => {
    const packed = packGltf(
      encode({
        asset: { version: "2.0" },
        buffers: [
          { byteLength: 3, uri: uri(1, 2, 3) },
          { byteLength: 2, uri: uri(8, 9) },
        ],
        bufferViews: [
          { buffer: 0, byteLength: 3 },
          { buffer: 1, byteOffset: 1, byteLength: 1 },
        ],
        images: [{ uri: "wood.png" }, { bufferView: 0 }],
      }),
    );
    const { json, bin } = readGlb(packed.glb);
    expect(packed.missing).toEqual(["wood.png"]);
    expect(bin).toEqual([1, 2, 3, 0, 8, 9, 0, 0]);
    expect(json.buffers).toEqual([{ byteLength: 8 }]);
    expect(json.bufferViews[1]).toEqual({ buffer: 0, byteOffset: 5, byteLength: 1 });
    expect(json.images[0].uri).toMatch(/^data:image\/png/);
    expect(readGlb(packGltf(packed.glb).glb)).toEqual({ json, bin });
  });

  it("that is none, or is in several files, is refused with words", () => {
    expect(() => packGltf(new TextEncoder().encode("nothing").buffer)).toThrow("no glTF");
    expect(() => packGltf(encode([1]))).toThrow("no glTF");
    expect(() => packGltf(encode({ buffers: [{ uri: "a.bin" }] }))).toThrow("another file, a.bin");
    const cut = packGltf(encode({ asset: { version: "2.0" } })).glb.slice(0, 30);
    expect(() => packGltf(cut)).toThrow("ends too early");
  });
});

it("files are known by their endings", () => {
  expect(["a.pts.json", "a.GLB", "a.obj", "a.stl", "a.babylon"].map(spaceFormatOf)).toEqual([
    "points",
    "gltf",
    "obj",
    "stl",
    null,
  ]);
  expect(["a.pdb", "a.mmcif", "a.sd", "a.MOL2", "a.txt", "pdb"].map(moleculeFormatOf)).toEqual([
    "pdb",
    "cif",
    "sdf",
    "mol2",
    null,
    null,
  ]);
});

it("molecules are described by their elements, and chains are recognized", () => {
  const water = [{ elem: "H" }, { elem: "O" }, { elem: "H" }];
  expect(describeAtoms(water)).toBe("3 atoms: H 2, O 1");
  expect(isPolymer(water)).toBe(false);
  expect(isPolymer(Array.from({ length: 4 }, () => ({ elem: "C", atom: "CA" })))).toBe(true);
});

it("a molecule that is longest towards the eye is turned", () => {
  const origin = { x: 0, y: 0, z: 0 };
  expect(isSeenFromItsEnd([origin, { x: 1, y: 2, z: 9 }])).toBe(true);
  expect(isSeenFromItsEnd([origin, { x: 9, y: 2, z: 1 }])).toBe(false);
  expect(isSeenFromItsEnd([origin])).toBe(false);
});

describe("the frame of a figure", () => {
  it("is heard only when it says what it may", () => {
    expect(readFrameMessage("steelyard-plotly-ready")).toEqual({ kind: "ready" });
    expect(readFrameMessage({ drawn: { kinds: ["bar", 3] } })).toEqual({
      kind: "drawn",
      traces: ["bar"],
    });
    expect(readFrameMessage({ failed: "x".repeat(1000) })).toMatchObject({ kind: "failed" });
    for (const other of [null, 3, {}, { picture: "https://a/b.png" }, { drawn: null }]) {
      expect(readFrameMessage(other)).toBeNull();
    }
  });

  it("knows which traces lie on a map", () => {
    const kinds = ["scattergeo", "choropleth", "scattermap", "densitymapbox", "heatmap", "scatter"];
    expect(mapKindsOf(kinds)).toEqual(kinds.slice(0, 4));
  });
});

describe("the colours of a figure", () => {
  const script = /<script>(.*)<\/script>/s.exec(frameHtml)?.[1] ?? "";
  // The functions of the page itself, without what it does when it is opened.
  const dress = new Function("parent", "addEventListener", `${script}; return dress;`)(
    { postMessage: () => {} },
    () => {},
  );
  const look = { paper: "#111", text: "#eee", grid: "#333", axis: "#888", colorway: ["red"] };

  it("are those of the page where nobody chose others", () => {
    for (const layout of [{}, { template: { layout: { plot_bgcolor: "#E5ECF6" } } }]) {
      const { template } = dress(layout, look);
      expect(template.layout).toMatchObject({ plot_bgcolor: "#111", font: { color: "#eee" } });
      expect(template.layout.xaxis.gridcolor).toBe("#333");
    }
  });

  it("stay as they were chosen", () => {
    const template = { layout: { plot_bgcolor: "rgb(17,17,17)" } };
    const layout = { template, paper_bgcolor: "pink", width: 900, height: 20, title: "T" };
    const dressed = dress(layout, look);
    expect(dressed.template).toBe(template);
    expect(dressed).toMatchObject({ paper_bgcolor: "pink", autosize: true, margin: { t: 48 } });
    expect("width" in dressed || "height" in dressed).toBe(false);
  });
});

it("turns come in order, some at a time, and also end before they came", () => {
  const turns = new Turns(1);
  const begun: string[] = [];
  const end = ["a", "b", "c"].map((name) => turns.take(() => begun.push(name)));
  expect(begun).toEqual(["a"]);
  end[1]?.();
  end[1]?.();
  expect(begun).toEqual(["a"]);
  end[0]?.();
  expect(begun).toEqual(["a", "c"]);
  end[0]?.();
  end[2]?.();
  turns.take(() => begun.push("d"));
  expect(begun).toEqual(["a", "c", "d"]);
});

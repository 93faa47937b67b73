/** Models of meshes: what there is in the files, by their ending. */

import {
  BufferGeometry,
  DoubleSide,
  Mesh,
  MeshStandardMaterial,
  type Object3D,
  TextureLoader,
} from "three";
import { PALETTE, type Scheme } from "../../core/color";

export interface Model {
  object: Object3D;
  up: "y" | "z";
  /** What is missing in the drawing; empty when nothing is. */
  note: string;
}

export type SpaceFormat = "points" | "gltf" | "obj" | "stl";

/** Null for files that are not drawn, as scenes of Babylon. */
export function spaceFormatOf(path: string): SpaceFormat | null {
  if (/\.pts\.json$/i.test(path)) return "points";
  if (/\.(gltf|glb)$/i.test(path)) return "gltf";
  if (/\.obj$/i.test(path)) return "obj";
  return /\.stl$/i.test(path) ? "stl" : null;
}

/** Reads a mesh. Rejects with words when it is none. */
export async function readModel(
  format: Exclude<SpaceFormat, "points">,
  bytes: ArrayBuffer,
  scheme: Scheme,
): Promise<Model> {
  const material = () =>
    new MeshStandardMaterial({
      color: PALETTE[scheme][0] as string,
      roughness: 0.75,
      side: DoubleSide,
    });
  if (format === "gltf") return readGltf(bytes);
  if (format === "stl") {
    const { STLLoader } = await import("three/examples/jsm/loaders/STLLoader.js");
    const geometry = new STLLoader().parse(bytes);
    requirePoints(geometry);
    return { object: new Mesh(geometry, material()), up: "z", note: "" };
  }
  const { OBJLoader } = await import("three/examples/jsm/loaders/OBJLoader.js");
  const object = new OBJLoader().parse(new TextDecoder().decode(bytes));
  let count = 0;
  object.traverse((part) => {
    if (!(part instanceof Mesh)) return;
    count++;
    // Its own materials are in another file, which was not logged.
    part.material = material();
    if (part.geometry instanceof BufferGeometry && !part.geometry.hasAttribute("normal")) {
      part.geometry.computeVertexNormals();
    }
  });
  if (count === 0) throw new Error("The file holds no surface.");
  return { object, up: "y", note: "" };
}

/** How large it is, and what is missing in the drawing. */
export function describeModel({ object, note }: Model): string {
  let triangles = 0;
  object.traverse((part) => {
    if (!(part instanceof Mesh) || !(part.geometry instanceof BufferGeometry)) return;
    const { index } = part.geometry;
    triangles += (index ?? part.geometry.getAttribute("position")).count / 3;
  });
  const count = Math.floor(triangles);
  const size = `${count.toLocaleString("en-US")} ${count === 1 ? "triangle" : "triangles"}`;
  return note === "" ? size : `${size}. ${note}`;
}

async function readGltf(bytes: ArrayBuffer): Promise<Model> {
  const [{ GLTFLoader }, { packGltf }] = await Promise.all([
    import("three/examples/jsm/loaders/GLTFLoader.js"),
    import("./gltf"),
  ]);
  const { glb, missing } = packGltf(bytes);
  const loader = new GLTFLoader();
  loader.register((parser) => {
    // The other loader asks for pictures by `fetch`, which our policy forbids for all but this server.
    parser.textureLoader = new TextureLoader(parser.options.manager);
    return { name: "pictures-by-element" };
  });
  const { scene } = await loader.parseAsync(glb, "");
  const note =
    missing.length === 0 ? "" : `Without its pictures, which are in other files: ${missing[0]}.`;
  return { object: scene, up: "y", note };
}

function requirePoints(geometry: BufferGeometry): void {
  const position = geometry.getAttribute("position");
  if (position === undefined || position.count === 0 || !Number.isFinite(position.getX(0))) {
    throw new Error("The file holds no surface.");
  }
}

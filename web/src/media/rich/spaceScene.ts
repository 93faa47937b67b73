/** What a file of points or a model looks like in space. */

import {
  AmbientLight,
  AxesHelper,
  Box3,
  BufferAttribute,
  BufferGeometry,
  Color,
  DirectionalLight,
  LineBasicMaterial,
  LineSegments,
  type Material,
  Mesh,
  type Object3D,
  Points,
  PointsMaterial,
  Scene,
  Sphere,
  SRGBColorSpace,
  Vector3,
} from "three";
import { PALETTE, type Scheme } from "../../core/color";
import { LABELS_MAX } from "./limits";
import { edgesOf, listCategories, type PointCloud, type Vec3 } from "./pointCloud";

export interface SpaceScene {
  scene: Scene;
  /** Which way is up: points of the world have z there, glTF says y. */
  up: "y" | "z";
  /** Around everything. */
  bounds: Sphere;
  labels: readonly { text: string; at: Vector3; color: string }[];
  /** Colours of categories. */
  legend: readonly { label: string; color: string }[];
  dispose: () => void;
}

/** The colour of a category: the same in every cloud. */
export function categoryColor(category: number, scheme: Scheme): string {
  const palette = PALETTE[scheme];
  const place = Math.abs(Math.round(category) - 1) % palette.length;
  return palette[place] as string;
}

export function makeCloudScene(cloud: PointCloud, scheme: Scheme): SpaceScene {
  const scene = new Scene();
  const palette = PALETTE[scheme];
  const plain = palette[0] as string;
  if (cloud.positions.length > 0) scene.add(makePoints(cloud, scheme, plain));
  if (cloud.boxes.length > 0) {
    const lines = cloud.boxes.flatMap(({ corners, color }) =>
      edgesOf(corners).map((edge) => ({ edge, color: colorOf(color, palette[1] as string) })),
    );
    scene.add(makeLines(lines));
  }
  if (cloud.vectors.length > 0) {
    const color = new Color(palette[2]);
    scene.add(makeLines(cloud.vectors.map(({ start, end }) => ({ edge: [start, end], color }))));
  }
  const box = new Box3().setFromObject(scene);
  const bounds = sphereOf(box);
  const axes = new AxesHelper(bounds.radius / 3);
  axes.position.copy(box.min);
  scene.add(axes);
  const axisLabels = (["x", "y", "z"] as const).map((text) => {
    const at = box.min.clone();
    at[text] += bounds.radius / 2.8;
    return { text, at, color: "" };
  });
  const boxLabels = cloud.boxes
    .filter(({ label }) => label !== "")
    .slice(0, LABELS_MAX)
    .map(({ label, corners, color }) => ({
      text: label,
      at: new Vector3(...(highestOf(corners) ?? [0, 0, 0])),
      color: `#${colorOf(color, palette[1] as string).getHexString()}`,
    }));
  return {
    scene,
    up: "z",
    bounds,
    labels: [...axisLabels, ...boxLabels],
    legend: listCategories(cloud).map((category) => ({
      label: `${category}`,
      color: categoryColor(category, scheme),
    })),
    dispose: () => disposeAll(scene),
  };
}

/** A model as it was made, under a light that follows the eye. */
export function makeModelScene(model: Object3D, up: "y" | "z"): SpaceScene {
  const scene = new Scene();
  scene.add(model, new AmbientLight(0xffffff, 1.4));
  const light = new DirectionalLight(0xffffff, 2);
  light.name = EYE_LIGHT;
  scene.add(light, light.target);
  const box = new Box3().setFromObject(model);
  if (box.isEmpty()) throw new Error("The file holds no surface.");
  const bounds = sphereOf(box);
  return { scene, up, bounds, labels: [], legend: [], dispose: () => disposeAll(scene) };
}

/** The light that is moved to the eye. */
export const EYE_LIGHT = "eye";

function makePoints(cloud: PointCloud, scheme: Scheme, plain: string): Points {
  const { positions, categories, colors } = cloud;
  const count = positions.length / 3;
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  const color = new Color();
  if (colors !== null || categories !== null) {
    const shades = new Float32Array(count * 3);
    const known = new Map(
      listCategories(cloud).map((each) => [each, new Color(categoryColor(each, scheme)).toArray()]),
    );
    for (let i = 0; i < count; i++) {
      if (colors !== null) {
        const [red = 0, green = 0, blue = 0] = colors.subarray(i * 3, i * 3 + 3);
        color.setRGB(red, green, blue, SRGBColorSpace).toArray(shades, i * 3);
      } else shades.set(known.get(categories?.[i] ?? 0) ?? [], i * 3);
    }
    geometry.setAttribute("color", new BufferAttribute(shades, 3));
  }
  const hasShades = colors !== null || categories !== null;
  const size = (count > 20_000 ? 1.5 : count > 2_000 ? 2.5 : 4) * devicePixelRatio;
  const material = new PointsMaterial({ size, sizeAttenuation: false, vertexColors: hasShades });
  if (!hasShades) material.color.set(plain);
  return new Points(geometry, material);
}

interface Line {
  edge: readonly [Vec3, Vec3];
  color: Color;
}

function makeLines(lines: readonly Line[]): LineSegments {
  const geometry = new BufferGeometry();
  const ends = lines.flatMap(({ edge }) => [...edge[0], ...edge[1]]);
  const shades = lines.flatMap(({ color }) => [...color.toArray(), ...color.toArray()]);
  geometry.setAttribute("position", new BufferAttribute(Float32Array.from(ends), 3));
  geometry.setAttribute("color", new BufferAttribute(Float32Array.from(shades), 3));
  return new LineSegments(geometry, new LineBasicMaterial({ vertexColors: true }));
}

function colorOf(color: Vec3 | null, fallback: string): Color {
  return color === null ? new Color(fallback) : new Color().setRGB(...color, SRGBColorSpace);
}

function highestOf(corners: readonly Vec3[]): Vec3 | undefined {
  return corners.reduce<Vec3 | undefined>(
    (best, corner) => (best === undefined || corner[2] > best[2] ? corner : best),
    undefined,
  );
}

function sphereOf(box: Box3): Sphere {
  const sphere = box.getBoundingSphere(new Sphere());
  // A single point has room around it, too.
  if (!(sphere.radius > 0)) sphere.radius = 1;
  return sphere;
}

function disposeAll(scene: Scene): void {
  scene.traverse((part) => {
    if (!(part instanceof Mesh || part instanceof Points || part instanceof LineSegments)) return;
    part.geometry.dispose();
    const materials: Material[] = Array.isArray(part.material) ? part.material : [part.material];
    for (const material of materials) {
      for (const value of Object.values(material)) {
        if (value !== null && typeof value === "object" && "isTexture" in value) value.dispose();
      }
      material.dispose();
    }
  });
}

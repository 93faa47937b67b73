/**
 * One context of WebGL for all drawings in space of the page: browsers allow sixteen, and a panel has one drawing per
 * run. Each drawing is copied onto its own canvas, in the same task, so nothing has to be kept in the context.
 */

import { type Camera, type Scene, WebGLRenderer } from "three";

/** This browser, or this machine, cannot draw in space. */
export class WebGLMissing extends Error {
  constructor() {
    super("This browser has no WebGL, which drawing in space needs; it may be switched off.");
  }
}

let shared: WebGLRenderer | null = null;
const redraws = new Set<() => void>();

/** Throws WebGLMissing. */
export function openRenderer(): WebGLRenderer {
  if (shared !== null) return shared;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2", { alpha: true, antialias: true });
  if (context === null) throw new WebGLMissing();
  shared = new WebGLRenderer({ canvas, context, alpha: true, antialias: true });
  // A driver that restarts takes all contexts away and gives them back.
  canvas.addEventListener("webglcontextrestored", () => {
    for (const redraw of redraws) redraw();
  });
  return shared;
}

/** Calls `redraw` whenever what was drawn has to be drawn again. Returns the way out. */
export function onRestored(redraw: () => void): () => void {
  redraws.add(redraw);
  return () => redraws.delete(redraw);
}

/** Draws onto the 2D canvas, as large as it is. */
export function drawScene(target: CanvasRenderingContext2D, scene: Scene, camera: Camera): void {
  const renderer = openRenderer();
  const { width, height } = target.canvas;
  renderer.setPixelRatio(1);
  renderer.setSize(width, height, false);
  renderer.setClearAlpha(0);
  renderer.render(scene, camera);
  target.clearRect(0, 0, width, height);
  target.drawImage(renderer.domElement, 0, 0);
}

/**
 * Viewers of 3Dmol, used again: each keeps listeners on the page for ever, and all draw in one context of WebGL.
 *
 * Why 3Dmol: it reads all endings that are logged, evaluates nothing for what is used here, and is 157 KB packed; NGL
 * is 357 KB. Its main build is not minified and 5 MB.
 */

import { createViewer, type GLViewer } from "3dmol/build/3Dmol.es6-min.js";
import { openRenderer } from "./spaceRenderer";

export interface MoleculeViewer {
  element: HTMLDivElement;
  viewer: GLViewer;
}

const idle: MoleculeViewer[] = [];

/** An empty viewer inside `place`. Throws WebGLMissing. */
export function takeViewer(place: HTMLElement): MoleculeViewer {
  openRenderer();
  const used = idle.pop();
  if (used !== undefined) {
    place.append(used.element);
    used.viewer.resize();
    return used;
  }
  const element = document.createElement("div");
  element.style.cssText = "position: absolute; inset: 0";
  place.append(element);
  return { element, viewer: createViewer(element, { antialias: true }) };
}

/** Gives the viewer back, empty. */
export function leaveViewer(used: MoleculeViewer): void {
  used.viewer.removeAllModels();
  used.element.remove();
  idle.push(used);
}

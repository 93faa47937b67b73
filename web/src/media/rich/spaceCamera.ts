/** An eye that goes around a scene: by pointer, wheel, keys and buttons. */

import { PerspectiveCamera, type Scene, Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { drawScene, onRestored } from "./spaceRenderer";
import { EYE_LIGHT, type SpaceScene } from "./spaceScene";

const FIELD_OF_VIEW = 40;
const TURN = Math.PI / 16;
const ZOOM = 0.8;
const LABEL_FONT_PX = 11;

export class SpaceCamera {
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW);
  readonly #controls: OrbitControls;
  readonly #context: CanvasRenderingContext2D;
  readonly #space: SpaceScene;
  readonly #leave: (() => void)[] = [];
  #frame: number | null = null;

  constructor(canvas: HTMLCanvasElement, space: SpaceScene) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This browser has no canvas.");
    this.#context = context;
    this.#space = space;
    this.#camera.up.set(0, space.up === "y" ? 1 : 0, space.up === "z" ? 1 : 0);
    this.#controls = new OrbitControls(this.#camera, canvas);
    // The wheel scrolls the page until somebody has chosen this drawing.
    this.#controls.enableZoom = document.activeElement === canvas;
    this.#controls.addEventListener("change", this.#drawSoon);
    this.#listen(canvas, "focus", () => this.#allowZoom(true));
    this.#listen(canvas, "blur", () => this.#allowZoom(false));
    this.#listen(canvas, "keydown", this.#onKey);
    const observer = new ResizeObserver(() => this.#fit());
    observer.observe(canvas);
    this.#leave.push(() => observer.disconnect(), onRestored(this.#drawSoon));
    this.reset();
  }

  /** The whole scene, seen from its corner. */
  reset(): void {
    const { bounds, up } = this.#space;
    const distance = (bounds.radius / Math.sin((FIELD_OF_VIEW / 2) * (Math.PI / 180))) * 1.05;
    const from = up === "z" ? new Vector3(0.7, -1, 0.7) : new Vector3(0.7, 0.6, 1);
    this.#camera.position.copy(bounds.center).addScaledVector(from.normalize(), distance);
    this.#camera.near = distance / 200;
    this.#camera.far = distance * 50;
    this.#controls.target.copy(bounds.center);
    this.#fit();
    this.#controls.update();
  }

  zoom(isIn: boolean): void {
    if (isIn) this.#controls.dollyIn(ZOOM);
    else this.#controls.dollyOut(ZOOM);
    this.#controls.update();
  }

  close(): void {
    for (const leave of this.#leave) leave();
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#controls.dispose();
    this.#space.dispose();
  }

  #listen<K extends "focus" | "blur" | "keydown">(
    canvas: HTMLCanvasElement,
    name: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ): void {
    canvas.addEventListener(name, listener);
    this.#leave.push(() => canvas.removeEventListener(name, listener));
  }

  #allowZoom(isAllowed: boolean): void {
    this.#controls.enableZoom = isAllowed;
  }

  #onKey = (event: KeyboardEvent): void => {
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#controls.rotateLeft(TURN),
      ArrowRight: () => this.#controls.rotateLeft(-TURN),
      ArrowUp: () => this.#controls.rotateUp(TURN),
      ArrowDown: () => this.#controls.rotateUp(-TURN),
      "+": () => this.zoom(true),
      "-": () => this.zoom(false),
      "0": () => this.reset(),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    action();
    this.#controls.update();
  };

  #fit(): void {
    const { canvas } = this.#context;
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.#camera.aspect = width / height;
    // In a narrow place the whole scene must fit sideways, too.
    this.#camera.zoom = Math.min(1, width / height);
    this.#camera.updateProjectionMatrix();
    // A canvas that changes its size is empty; at once, nobody sees it so.
    if (canvas.dataset.drawn === "true") this.#draw();
    else this.#drawSoon();
  }

  #drawSoon = (): void => {
    if (this.#frame !== null) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  };

  #draw(): void {
    const { scene, labels } = this.#space;
    moveLight(scene, this.#camera);
    drawScene(this.#context, scene, this.#camera);
    const { canvas } = this.#context;
    const text = getComputedStyle(canvas).color;
    this.#context.font = `${LABEL_FONT_PX * devicePixelRatio}px ${getComputedStyle(canvas).fontFamily}`;
    this.#context.textAlign = "center";
    const at = new Vector3();
    for (const label of labels) {
      at.copy(label.at).project(this.#camera);
      if (at.z > 1) continue; // behind the eye
      this.#context.fillStyle = label.color || text;
      const [x, y] = [((at.x + 1) / 2) * canvas.width, ((1 - at.y) / 2) * canvas.height];
      this.#context.fillText(label.text, x, y - 4 * devicePixelRatio);
    }
    canvas.dataset.drawn = "true";
  }
}

function moveLight(scene: Scene, camera: PerspectiveCamera): void {
  scene.getObjectByName(EYE_LIGHT)?.position.copy(camera.position);
}

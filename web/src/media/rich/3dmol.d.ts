declare module "3dmol/build/3Dmol.es6-min.js" {
  /** The little of it that is used here; its own types do not fit its own build. */
  export interface GLViewer {
    addModel(data: string | ArrayBuffer, format: string): GLModel;
    removeAllModels(): void;
    setStyle(selection: object, style: object): void;
    /** Place, distance and quaternion. */
    setView(view: readonly number[]): void;
    setBackgroundColor(color: string, alpha: number): void;
    zoomTo(): void;
    zoom(factor: number): void;
    rotate(degrees: number, axis: "x" | "y"): void;
    resize(): void;
    render(): void;
  }
  export interface GLModel {
    selectedAtoms(selection: object): import("./molecules").Atom[];
  }
  export function createViewer(element: HTMLElement, config: { antialias: boolean }): GLViewer;
}

/** jsdom has no canvas: this one records what is drawn, so tests look at the draw list instead of pixels. */

import { vi } from "vitest";

export interface DrawCall {
  name: string;
  args: readonly unknown[];
  strokeStyle: unknown;
  globalAlpha: unknown;
  lineDash: readonly number[];
}

export interface RecordingContext extends CanvasRenderingContext2D {
  readonly calls: DrawCall[];
}

/** A 2-D context that remembers its calls with the style in force. */
export function makeContext(): RecordingContext {
  const calls: DrawCall[] = [];
  const style: Record<PropertyKey, unknown> = { globalAlpha: 1 };
  let lineDash: readonly number[] = [];
  const methods = new Map<PropertyKey, (...args: unknown[]) => unknown>();
  return new Proxy(style, {
    get(target, name) {
      if (name === "calls") return calls;
      if (name in target) return target[name];
      const known = methods.get(name);
      if (known !== undefined) return known;
      const method = (...args: unknown[]) => {
        const { strokeStyle, globalAlpha } = target;
        if (name === "setLineDash") lineDash = args[0] as number[];
        calls.push({ name: String(name), args, strokeStyle, globalAlpha, lineDash });
        return name === "measureText" ? { width: String(args[0]).length * 6 } : undefined;
      };
      methods.set(name, method);
      return method;
    },
  }) as unknown as RecordingContext;
}

/** Gives every canvas a recording context, and the page the class uPlot draws with. */
export function installCanvas(): void {
  const contexts = new WeakMap<HTMLCanvasElement, RecordingContext>();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function (
    this: HTMLCanvasElement,
  ) {
    const known = contexts.get(this);
    if (known !== undefined) return known;
    const context = makeContext();
    contexts.set(this, context);
    return context as never;
  });
  vi.stubGlobal("Path2D", class {});
}

/** jsdom lays nothing out: every element counts as a screen of 1024 × 600. */
export function installLayout(): void {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(1024);
}

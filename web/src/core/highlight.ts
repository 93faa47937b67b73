/** The one run under the pointer, shared by the run list and every chart without passing through React state. */

type Listener = (run: string | null) => void;

export class Highlight {
  #run: string | null = null;
  #listeners = new Set<Listener>();

  get run(): string | null {
    return this.#run;
  }

  set(run: string | null): void {
    if (run === this.#run) return;
    this.#run = run;
    for (const listener of this.#listeners) listener(run);
  }

  subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
}

/** Lets a few start at a time, in the order they came: each start of Plotly is most of a second of one processor. */
export class Turns {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Calls `start` when it is its turn. The returned function ends the turn, or the wait for it; once. */
  take(start: () => void): () => void {
    let state: "waiting" | "running" | "over" = "waiting";
    const begin = () => {
      state = "running";
      this.#running++;
      start();
    };
    this.#waiting.push(begin);
    this.#next();
    return () => {
      if (state === "waiting") this.#waiting.splice(this.#waiting.indexOf(begin), 1);
      if (state === "running") this.#running--;
      state = "over";
      this.#next();
    };
  }

  #next(): void {
    while (this.#running < this.#max) {
      const begin = this.#waiting.shift();
      if (begin === undefined) return;
      begin();
    }
  }
}

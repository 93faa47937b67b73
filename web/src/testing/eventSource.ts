/** An EventSource whose events tests send. */
export class FakeEventSource {
  static readonly all: FakeEventSource[] = [];
  readyState = 1;
  #listeners = new Map<string, ((event: Event) => void)[]>();

  constructor(readonly url: string) {
    FakeEventSource.all.push(this);
  }

  static emitRuns(runs: readonly string[]): void {
    for (const source of FakeEventSource.all) {
      const event = new MessageEvent("runs", { data: JSON.stringify({ runs, cursor: 1 }) });
      for (const listener of source.#listeners.get("runs") ?? []) listener(event);
    }
  }

  addEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  close(): void {
    this.readyState = 2;
  }
}

/** Waiting for something to be there, for so long and no longer. */
export class News {
  readonly #listeners = new Set<() => void>();

  /** Tell all that wait. */
  tell(): void {
    for (const heard of this.#listeners) heard();
    this.#listeners.clear();
  }

  /** Wait until it is there, looking at each telling. */
  async until(isThere: () => boolean, mostMs: number): Promise<void> {
    const late = performance.now() + mostMs;
    while (!isThere() && performance.now() < late) {
      await new Promise<void>((resolve) => {
        this.#listeners.add(resolve);
        setTimeout(resolve, late - performance.now());
      });
    }
  }
}

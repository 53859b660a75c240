// Lets one loop sleep until somebody signals; a signal that comes while the loop works ends its next sleep.

export class WakeUp {
  #isSignalled = false;
  #wake: (() => void) | undefined;

  signal(): void {
    this.#isSignalled = true;
    this.#wake?.();
  }

  async sleep(): Promise<void> {
    if (!this.#isSignalled) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#wake = undefined;
    this.#isSignalled = false;
  }
}

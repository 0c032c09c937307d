/** Lets one loop sleep until a time has passed or somebody wakes it. Never keeps the process alive by itself. */
export class Alarm {
  #wake: (() => void) | undefined;

  /** Without a time: until somebody wakes it. */
  wait(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(done, ms);
      timer?.unref();
      this.#wake = done;
    });
  }

  /** Nothing happens when nobody sleeps: who is about to sleep looks first. */
  ring(): void {
    this.#wake?.();
  }
}

/** Gives everything else that waits a turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

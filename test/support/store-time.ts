import { expect, vi } from "vitest";
import { Store, type StoreEvent, type StoreOptions } from "../../src/store/store.js";
import { type FakeServer, fakeServer } from "./store.js";

/** Timers and the wall clock stand still until a test moves them; turns of the event loop go on. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
}

export interface TimedStore {
  readonly store: Store;
  readonly server: FakeServer;
  readonly events: StoreEvent[];
}

/** A store in stopped time whose jitter is always the whole delay, and a server of one table. */
export function timedStore(options: StoreOptions = {}): TimedStore {
  const events: StoreEvent[] = [];
  const clock = { now: () => new Date(), monotonicMs: () => Date.now() };
  const store = new Store({ clock, random: () => 1, onEvent: (event) => events.push(event), ...options });
  return { store, server: fakeServer(), events };
}

/** Lets time pass, and whatever is due in it happen. */
export async function pass(ms: number, stepMs = 10): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    await vi.advanceTimersByTimeAsync(stepMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets time pass until it is true. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let step = 0; step < 100_000 && !isTrue(); step += 1) await pass(10);
  expect(isTrue()).toBe(true);
}

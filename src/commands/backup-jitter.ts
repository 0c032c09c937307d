import { setTimeout as sleep } from "node:timers/promises";
import { formatDuration } from "../core/duration.js";
import type { CommandContext } from "./command.js";

/** Waits for a random part of `jitterMs`, so that many machines with one schedule do not start together. 0 ≤ random() < 1. */
export async function waitJitter(
  jitterMs: number,
  { signal, tell }: Pick<CommandContext, "signal" | "tell">,
  random: () => number = Math.random,
): Promise<void> {
  const waitMs = Math.floor(jitterMs * random());
  if (waitMs === 0) return;
  tell(`starting in ${formatDuration(waitMs)} (--jitter)`);
  await sleep(waitMs, undefined, { signal });
}

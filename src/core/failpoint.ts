import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "./errors.js";

/**
 * Named places where a fault can be armed: the drill kills or delays a process exactly there. The spec is
 * `name[:count][:kill|:delay=MS]`, several joined by commas: `after-drain-before-send:3:kill` kills at the third pass.
 */
const failpointNames = [
  "after-memory-before-dirty",
  "after-drain-before-send",
  "after-send-before-result",
  "after-commit-before-ack",
  "between-two-batches",
  "after-fence-before-load",
  "during-recovery-load",
  "in-sigterm-flush",
] as const;
type FailpointName = (typeof failpointNames)[number];

export interface Failpoints {
  /** For synchronous code: only `kill` acts here. */
  hitNow(name: FailpointName): void;
  /** Kills, waits, or does nothing. */
  hit(name: FailpointName): Promise<void>;
}

export const noFailpoints: Failpoints = { hitNow: () => {}, hit: async () => {} };

interface Armed {
  readonly name: FailpointName;
  remaining: number;
  readonly delayMs: number | undefined;
}

/** Throws E_USAGE for a spec that names no failpoint. `kill` ends this process at once, as SIGKILL does. */
export function parseFailpoints(spec: string | undefined, kill: () => void): Failpoints {
  if (spec === undefined || spec === "") return noFailpoints;
  const armed = spec.split(",").map(parseOne);
  const due = (name: FailpointName) => armed.filter((one) => one.name === name && one.remaining-- === 1);
  return {
    hitNow(name) {
      for (const { delayMs } of due(name)) if (delayMs === undefined) kill();
    },
    async hit(name) {
      for (const { delayMs } of due(name)) {
        if (delayMs === undefined) kill();
        else await sleep(delayMs);
      }
    },
  };
}

function parseOne(text: string): Armed {
  const [name, ...rest] = text.split(":");
  const known = failpointNames.find((candidate) => candidate === name);
  const count = rest.find((part) => /^\d+$/.test(part));
  const action = rest.find((part) => !/^\d+$/.test(part)) ?? "kill";
  const delay = /^delay=(\d+)$/.exec(action)?.[1];
  if (known === undefined || (action !== "kill" && delay === undefined)) {
    throw new RoomctlError("E_USAGE", `no such failpoint: ${JSON.stringify(text)}`, {
      hint: `name[:count][:kill|:delay=MS] with a name of ${failpointNames.join(", ")}`,
    });
  }
  return { name: known, remaining: Number(count ?? 1), delayMs: delay === undefined ? undefined : Number(delay) };
}

import type { DualMap } from "../store/dual-map.js";
import type { ServerContext } from "./context.js";
import { pairKey, type Room } from "./model.js";

/** Whether two users may be brought together: not within their cooldown, and not twice within one session. */
export function mayMeet(context: ServerContext, one: string, two: string): boolean {
  const { cooldowns, seen } = context.state;
  if (seen.get(one)?.partners.includes(two) || seen.get(two)?.partners.includes(one)) return false;
  const cooldown = cooldowns.get(pairKey(one, two));
  return cooldown === undefined || cooldown.expiresAt <= context.clock.now().getTime();
}

/** From now on both have met in this session. */
export function noteSeen({ state }: ServerContext, { user1, user2 }: Room): void {
  state.seen.update(user1, (known) => ({ partners: [...(known?.partners ?? []), user2] }));
  state.seen.update(user2, (known) => ({ partners: [...(known?.partners ?? []), user1] }));
}

/** The pair of an ended room stays apart from now on, not only from when the room's end is written. The later end wins. */
export function startCooldown(context: ServerContext, { user1, user2 }: Room, endedAt: number): void {
  const expiresAt = endedAt + context.settings.cooldownMs;
  context.state.cooldowns.update(pairKey(user1, user2), (known) => {
    if (known !== undefined && known.expiresAt >= expiresAt) return undefined;
    const isOrdered = user1 < user2;
    return { userLow: isOrdered ? user1 : user2, userHigh: isOrdered ? user2 : user1, expiresAt };
  });
}

/** Drops cooldowns that are over from memory. They were set in the order of their ends, or nearly so. */
export function pruneCooldowns({ state, clock }: ServerContext): void {
  const now = clock.now().getTime();
  for (const [key, { expiresAt }] of state.cooldowns) {
    if (expiresAt > now) return;
    forgetExpired(state.cooldowns, key, now - expiresAt);
  }
}

/** Nobody needs to read it any more; it waits a while for its row to be written, but not through an outage. */
export function forgetExpired<V>(map: DualMap<V>, key: string, expiredForMs: number): void {
  if (expiredForMs > longestWaitMs || !map.isPending(key)) map.forget(key);
}

const longestWaitMs = 60_000;

import type { ServerContext } from "./context.js";
import { pairKey, type Room } from "./model.js";

/** Whether two users may be brought together: not within their cooldown, and not twice within one session. */
export function mayMeet(context: ServerContext, one: string, two: string): boolean {
  const { cooldowns, seen } = context.state;
  if (seen.get(one)?.partners.includes(two) || seen.get(two)?.partners.includes(one)) return false;
  const cooldown = cooldowns.get(pairKey(one, two));
  return cooldown === undefined || cooldown.expiresAt <= context.clock.now().getTime();
}

/** Older ones of a very long session are kept apart by their cooldown alone. */
const mostPartners = 1000;

/** From now on both have met in this session. */
export function noteSeen({ state }: ServerContext, { user1, user2 }: Room): void {
  const note = (userId: string, partnerId: string) =>
    state.seen.update(userId, (known) => ({ partners: [...(known?.partners ?? []), partnerId].slice(-mostPartners) }));
  note(user1, user2);
  note(user2, user1);
}

/** The pair of an ended room stays apart from now on, not only from when the room's end is written. The later end wins. */
export function startCooldown(
  context: Pick<ServerContext, "state" | "settings">,
  { user1, user2 }: Room,
  endedAt: number,
): void {
  const expiresAt = endedAt + context.settings.cooldownMs;
  context.state.cooldowns.update(pairKey(user1, user2), (known) => {
    if (known !== undefined && known.expiresAt >= expiresAt) return undefined;
    const isOrdered = user1 < user2;
    return { userLow: isOrdered ? user1 : user2, userHigh: isOrdered ? user2 : user1, expiresAt };
  });
}

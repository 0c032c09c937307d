import type { ServerContext } from "./context.js";
import { forgetExpired } from "./cooldowns.js";
import type { LimitName } from "./settings.js";

export type LimitResult = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

/** Whom a use counts for. */
export interface LimitedParty {
  readonly userId?: string;
  readonly ip?: string;
}

/** Many people may share an address. */
const addressFactor = 10;

/**
 * Counts one use of something limited, for the user and for the address, in windows that start at fixed moments. A use
 * that is refused is not counted: `retryAfterMs` says when the window of whoever is over the limit ends.
 */
export function takeLimit(context: ServerContext, name: LimitName, party: LimitedParty): LimitResult {
  const { rateLimits } = context.state;
  const { count: most, windowMs } = context.settings.limits[name];
  const now = context.clock.now().getTime();
  const windowStart = Math.floor(now / windowMs) * windowMs;
  const expiresAt = windowStart + windowMs;
  const uses = partiesOf(name, party).map(({ key, factor }) => ({ key, mapKey: `${key} ${windowStart}`, factor }));
  const isOver = uses.some(({ mapKey, factor }) => (rateLimits.get(mapKey)?.count ?? 0) >= most * factor);
  if (isOver) return { ok: false, retryAfterMs: Math.max(1, expiresAt - now) };
  for (const { key, mapKey } of uses) {
    rateLimits.update(mapKey, (known) => ({ key, windowStart, count: (known?.count ?? 0) + 1, expiresAt }));
  }
  return { ok: true };
}

/** Drops windows that are over from memory; their rows go with the tidying of the database. */
export function pruneLimits({ state, clock }: ServerContext): void {
  const now = clock.now().getTime();
  for (const [key, { expiresAt }] of state.rateLimits) {
    if (expiresAt <= now) forgetExpired(state.rateLimits, key, now - expiresAt);
  }
}

function partiesOf(name: LimitName, { userId, ip }: LimitedParty): readonly { key: string; factor: number }[] {
  return [
    ...(userId === undefined ? [] : [{ key: `${name} user:${userId}`, factor: 1 }]),
    ...(ip === undefined ? [] : [{ key: `${name} ip:${ip}`, factor: addressFactor }]),
  ];
}

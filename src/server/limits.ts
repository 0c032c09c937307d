import type { ServerContext } from "./context.js";
import { addressGroup } from "./http-address.js";
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
 * Counts one use of something limited, for the user and for the address (of IPv6: its /64), in windows that start at
 * fixed moments. A use that is refused is not counted: `retryAfterMs` says when the window of whoever is over the limit
 * ends.
 */
export function takeLimit(context: ServerContext, name: LimitName, party: LimitedParty): LimitResult {
  const result = checkLimit(context, name, party);
  if (!result.ok) return result;
  const { windowStart, expiresAt } = windowOf(context, name);
  for (const { key } of partiesOf(name, party)) {
    context.state.rateLimits.update(`${key} ${windowStart}`, (known) => ({
      key,
      windowStart,
      count: (known?.count ?? 0) + 1,
      expiresAt,
    }));
  }
  return { ok: true };
}

/** Whether one more use would pass. Counts nothing. */
export function checkLimit(context: ServerContext, name: LimitName, party: LimitedParty): LimitResult {
  const { rateLimits } = context.state;
  const { windowStart, expiresAt, now } = windowOf(context, name);
  const most = context.settings.limits[name].count;
  const isOver = partiesOf(name, party).some(
    ({ key, factor }) => (rateLimits.get(`${key} ${windowStart}`)?.count ?? 0) >= most * factor,
  );
  return isOver ? { ok: false, retryAfterMs: Math.max(1, expiresAt - now) } : { ok: true };
}

function windowOf({ settings, clock }: ServerContext, name: LimitName) {
  const { windowMs } = settings.limits[name];
  const now = clock.now().getTime();
  const windowStart = Math.floor(now / windowMs) * windowMs;
  return { windowStart, expiresAt: windowStart + windowMs, now };
}

function partiesOf(name: LimitName, { userId, ip }: LimitedParty): readonly { key: string; factor: number }[] {
  return [
    ...(userId === undefined ? [] : [{ key: `${name} user:${userId}`, factor: 1 }]),
    ...(ip === undefined ? [] : [{ key: `${name} ip:${addressGroup(ip)}`, factor: addressFactor }]),
  ];
}

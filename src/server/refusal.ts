/** Why a client does not get what it asked for. A code is for programs, the message for people. */
export const refusalCodes = [
  "invalid",
  "unauthorized",
  "banned",
  "not_your_room",
  "no_such_room",
  "room_ended",
  "partner_away",
  "limited",
  "busy",
  "cooldown",
  "offline",
  "unavailable",
  "too_large",
  "internal",
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export interface Refusal {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly message: string;
  /** Only where trying again can help. */
  readonly retryAfterMs?: number;
}

/** What a client's event is answered with: `{ ok: true, … }` or a refusal. */
export type Answer = { readonly ok: true } | Refusal;

export function refuse(code: RefusalCode, message: string, retryAfterMs?: number): Refusal {
  return retryAfterMs === undefined ? { ok: false, code, message } : { ok: false, code, message, retryAfterMs };
}

import type { RefusalCode } from "./refusal.js";

/** Why a request was not done: a refusal, with the codes that only HTTP has. */
export interface Problem<Code extends ProblemCode = ProblemCode> {
  readonly ok: false;
  readonly code: Code;
  /** For people; never holds a token, an address or a password. */
  readonly message: string;
  /** Only where trying again can help. */
  readonly retryAfterMs?: number;
  /** More about it, told to the client next to the message. */
  readonly details?: Readonly<Record<string, string | number | null>>;
}

/** Every code of a problem, with its HTTP status. */
export const problemStatus = {
  invalid: 400,
  unauthorized: 401,
  banned: 403,
  forbidden: 403,
  not_your_room: 403,
  not_found: 404,
  no_such_room: 404,
  wrong_method: 405,
  conflict: 409,
  room_ended: 409,
  partner_away: 409,
  busy: 409,
  cooldown: 409,
  offline: 409,
  too_large: 413,
  limited: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<RefusalCode | "forbidden" | "not_found" | "wrong_method" | "conflict", number>;

export type ProblemCode = keyof typeof problemStatus;

export function problem<Code extends ProblemCode>(
  code: Code,
  message: string,
  more: Pick<Problem, "retryAfterMs" | "details"> = {},
): Problem<Code> {
  return { ok: false, code, message, ...more };
}

/** Tells a problem from what was asked for. */
export function isProblem<Outcome extends object>(outcome: Outcome): outcome is Extract<Outcome, Problem> {
  return "ok" in outcome && outcome.ok === false;
}

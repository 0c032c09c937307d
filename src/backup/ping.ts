import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";
import { codeOf } from "../db/sqlstate.js";

/** What a watching service is told: that the work begins, or how it ended. */
export type PingEvent =
  | { readonly kind: "start" }
  | { readonly kind: "end"; readonly exitCode: number; readonly body: string };

export interface PingOptions {
  /** How long one try may take. */
  readonly timeoutMs?: number;
  readonly attempts?: number;
  readonly pauseMs?: number;
  readonly signal?: AbortSignal;
}

/** The address of a check. Whoever knows it can report in its name, so it is never shown. */
export interface PingAddress {
  readonly url: URL;
  readonly authorization: string | undefined;
}

/** Throws E_USAGE, without the address in it. */
export function parsePingAddress(text: string, setting: string): PingAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RoomctlError("E_USAGE", `${setting} is not an address that begins with http:// or https://`, {
      hint: "copy the address of the check from the service that watches, like https://hc-ping.com/…",
    });
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  const login = `${decode(username)}:${decode(password)}`;
  const authorization = username || password ? `Basic ${Buffer.from(login).toString("base64")}` : undefined;
  return { url, authorization };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A per cent sign that stands for itself.
    return text;
  }
}

/**
 * Tells a service as healthchecks.io does it (https://healthchecks.io/docs/http_api/): ADDRESS/start, ADDRESS for success,
 * ADDRESS/EXITCODE with a few words for a failure. Three tries of 10 s. Never throws: returns why it could not be told,
 * without the address, or undefined.
 */
export async function sendPing(
  address: PingAddress,
  event: PingEvent,
  options: PingOptions = {},
): Promise<string | undefined> {
  const { attempts = 3, pauseMs = 500, signal } = options;
  let why: string | undefined;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const outcome = await request(address, event, options);
    if (outcome.isDelivered) return undefined;
    why = outcome.why;
    if (!outcome.isWorthAnother || signal?.aborted) break;
    // An interrupted pause only ends early: the next request sees the signal by itself.
    if (attempt < attempts) await sleep(pauseMs * attempt, undefined, { signal }).catch(() => {});
  }
  return `${address.url.host} could not be told: ${why}`;
}

type Outcome =
  | { readonly isDelivered: true }
  | { readonly isDelivered: false; readonly why: string; readonly isWorthAnother: boolean };

async function request(address: PingAddress, event: PingEvent, options: PingOptions): Promise<Outcome> {
  const { timeoutMs = 10_000, signal } = options;
  const isFailure = event.kind === "end" && event.exitCode !== 0;
  try {
    const response = await fetch(pingUrl(address.url, event), {
      method: isFailure ? "POST" : "GET",
      body: isFailure ? event.body : null,
      headers: address.authorization === undefined ? {} : { authorization: address.authorization },
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
    });
    // Whatever it says; left unread, it would keep the connection.
    await response.body?.cancel();
    if (response.ok) return { isDelivered: true };
    // What it refuses now it will refuse in a second, unless it is in trouble itself or asks to wait.
    const isWorthAnother = response.status >= 500 || response.status === 429;
    return { isDelivered: false, why: `it answered ${response.status}`, isWorthAnother };
  } catch (error) {
    return { isDelivered: false, why: reason(error, timeoutMs), isWorthAnother: true };
  }
}

function pingUrl(base: URL, event: PingEvent): URL {
  const url = new URL(base);
  const ending = event.kind === "start" ? "/start" : event.exitCode === 0 ? "" : `/${event.exitCode}`;
  url.pathname = url.pathname.replace(/\/+$/, "") + ending;
  return url;
}

/** A library's words about an address may quote it, so only the error's code is told: ECONNREFUSED, ENOTFOUND. */
function reason(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return codeOf(cause) ?? "the request failed";
}

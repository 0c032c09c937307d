import { codeOf } from "../db/sqlstate.js";

/** Long enough for an app that is busy, short enough for a person who waits. */
const longestMs = 3000;

/**
 * Asks the app over HTTP how much of it is live: an answer 200 whose JSON says `{"live": 0}` means nothing. Returns what
 * speaks against it, for people, or undefined. Whatever else it answers, or does not, counts as live.
 */
export async function probeLive(address: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { host, pathname } = new URL(address);
  // The rest of an address may be a secret.
  const shown = `${host}${pathname}`;
  const failed = (why: string) => `${shown} could not be asked for live rooms: ${why}`;
  try {
    const response = await fetch(address, {
      redirect: "error",
      headers: { accept: "application/json" },
      signal: AbortSignal.any([AbortSignal.timeout(longestMs), ...(signal ? [signal] : [])]),
    });
    const text = await response.text();
    if (response.status !== 200) return failed(`it answered ${response.status}`);
    const live = readLive(text);
    if (live === undefined) return failed('its answer has no "live" with a number');
    return live === 0 ? undefined : `${shown} says that ${live} are live`;
  } catch (error) {
    signal?.throwIfAborted();
    return failed(reason(error));
  }
}

function readLive(text: string): number | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    const live = typeof answer === "object" && answer !== null && "live" in answer ? answer.live : undefined;
    return typeof live === "number" && live >= 0 ? live : undefined;
  } catch {
    // No JSON: as good as without a number, which refuses.
    return undefined;
  }
}

/** A library's words about an address may quote it, so only the error's code is told. */
function reason(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${longestMs / 1000} s`;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return codeOf(cause) ?? "the request failed";
}

/**
 * The STUN and TURN servers of this service, for new connections of a call. They are asked for once, and again when half
 * of the time is over for which their credentials are good. A server that does not answer keeps no call from being
 * tried: then it is the servers known so far.
 */
export function openIceServers(token) {
  let known = [];
  let freshUntil = 0;
  let asking;
  const ask = async () => {
    const answer = await askServer(token);
    if (answer) known = answer.iceServers;
    freshUntil = performance.now() + (answer ? (answer.expiresInMs ?? longestMs) / 2 : retryMs);
    asking = undefined;
    return known;
  };
  return async () => {
    if (performance.now() < freshUntil) return known;
    asking ??= ask();
    return asking;
  };
}

const longestMs = 3_600_000;
const retryMs = 5000;

async function askServer(token) {
  try {
    const response = await fetch("/api/ice-servers", {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(3000),
    });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

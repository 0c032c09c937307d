const storageKey = "rooms.session";

/** The session of this tab, if it has one. */
export function readSession() {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey)) ?? undefined;
  } catch {
    // Written by something else: the visitor simply starts again.
    return undefined;
  }
}

export function forgetSession() {
  sessionStorage.removeItem(storageKey);
}

/** A guest's new session. Throws an Error that can be shown. */
export async function createGuest(name) {
  let response;
  try {
    response = await fetch("/api/guests", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name }),
    });
  } catch {
    throw new Error("The server cannot be reached. Please try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(problemOf(answer.error));
  const session = { userId: answer.userId, token: answer.token };
  sessionStorage.setItem(storageKey, JSON.stringify(session));
  return session;
}

/** What an error of the server means to a person. */
export function problemOf(error) {
  const wait = error?.retryAfterMs > 0 ? ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.` : "";
  return `${sentences[error?.code] ?? error?.message ?? "That did not work."}${wait}`;
}

const sentences = {
  limited: "That was too often.",
  cooldown: "You two have met already. Someone else is waiting for you.",
  offline: "That person is not here now.",
  busy: "That person is in a call.",
  unavailable: "The server cannot do that right now.",
  unauthorized: "Your session has ended.",
  banned: "You are banned from this service.",
};

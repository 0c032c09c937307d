// What the benches of the server share: people with sessions, and their connections.
import { createHash, randomBytes } from "node:crypto";
import { io } from "socket.io-client";

/** Users with sessions, by SQL: what they cost at the door is not what is measured. Returns their tokens. */
export async function addPeople(database, count) {
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString("base64url"));
  const hashes = tokens.map((token) => createHash("sha256").update(token).digest("hex"));
  await database.execute(
    `WITH given AS (SELECT gen_random_uuid() AS user_id, hash FROM unnest($1::text[]) AS hash),
            people AS (INSERT INTO users (user_id, name) SELECT user_id, 'Bench' FROM given)
       INSERT INTO sessions (session_token, user_id, expires_at)
       SELECT hash, user_id, now() + interval '1 day' FROM given`,
    [hashes],
  );
  return tokens;
}

/** A connected client; rejects when the server refuses it. `index` chooses the address that it claims to come from. */
export function connect(url, token, index) {
  const client = io(url, {
    auth: { token },
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
    extraHeaders: { "x-forwarded-for": `10.${index >> 16}.${(index >> 7) & 255}.1` },
  });
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client));
    client.once("connect_error", reject);
  });
}

export function ask(client, event, payload) {
  return new Promise((resolve) => client.emit(event, payload, resolve));
}

import type { z } from "zod";
import type { History } from "./drill-history.js";
import { guestSchema, healthSchema, linkSchema, linkTargetSchema } from "./drill-protocol.js";

/** Who a drill acts as. */
export interface Account {
  readonly userId: string;
  readonly token: string;
}

const patienceMs = 6_000;

/** Makes a guest; undefined when the server did not say so. */
export async function createAccount(history: History, port: number, name: string): Promise<Account | undefined> {
  const op = history.invoke({ name: "account", actor: name });
  const answer = await request(port, { method: "POST", path: "/api/guests", body: { name } }, guestSchema);
  if (answer.kind !== "ok") {
    history.settle(op, settledFrom(answer));
    return undefined;
  }
  const { userId, token } = answer.value;
  history.settle(op, { outcome: "ok", durable: true, found: [userId] });
  return { userId, token };
}

/** Makes a link to the account's own user; returns its code when that was acknowledged as durable. */
export async function createLink(history: History, port: number, account: Account): Promise<string | undefined> {
  const op = history.invoke({ name: "link", actor: account.userId });
  const wish = { method: "POST", path: "/api/referrals", body: {}, token: account.token };
  const answer = await request(port, wish, linkSchema);
  if (answer.kind !== "ok") {
    history.settle(op, settledFrom(answer));
    return undefined;
  }
  // What says nothing of durability is not counted as durable.
  const { code, durable = false } = answer.value;
  history.settle(op, { outcome: "ok", durable, found: [code] });
  return durable ? code : undefined;
}

/** Makes a link by somebody who may not make many more. */
export async function useLimit(
  history: History,
  port: number,
  { account, ...facts }: { readonly account: Account; readonly isReadBack?: boolean },
): Promise<void> {
  const op = history.invoke({ name: "limit", actor: account.userId, ...facts });
  const wish = { method: "POST", path: "/api/referrals", body: {}, token: account.token };
  const answer = await request(port, wish, linkSchema);
  history.settle(op, answer.kind === "ok" ? { outcome: "ok", found: [answer.value.code] } : settledFrom(answer));
}

/** Asks where a link leads; `expected` is the user that it was made for. */
export async function readLink(
  history: History,
  port: number,
  { account, code, expected }: { readonly account: Account; readonly code: string; readonly expected: string },
): Promise<void> {
  const facts = { actor: account.userId, subject: code, body: expected, isReadBack: true };
  const op = history.invoke({ name: "link:read", ...facts });
  const wish = { method: "GET", path: `/api/referrals/${code}`, token: account.token };
  const answer = await request(port, wish, linkTargetSchema);
  history.settle(
    op,
    answer.kind === "ok" ? { outcome: "ok", found: [answer.value.targetUserId] } : settledFrom(answer),
  );
}

/** Whether the server sees its database, and how many changes are not written yet; undefined when it does not answer. */
export async function readHealth(port: number): Promise<z.infer<typeof healthSchema> | undefined> {
  const answer = await request(port, { method: "GET", path: "/health" }, healthSchema);
  return answer.kind === "ok" ? answer.value : undefined;
}

interface Wish {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly token?: string;
}

type Reply<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly status: number }
  | { readonly kind: "lost" };

async function request<T>(port: number, { method, path, body, token }: Wish, schema: z.ZodType<T>): Promise<Reply<T>> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const content: unknown = await response.json();
    if (!response.ok && path !== "/health") return { kind: "refused", status: response.status };
    return { kind: "ok", value: schema.parse(content) };
  } catch (error) {
    // An answer in another form is the drill's own fault; one that did not come is what strikes are about.
    if (error instanceof Error && error.name === "ZodError") throw error;
    return { kind: "lost" };
  }
}

/** A server that gave up on its database does not know whether its statement was carried out. */
function settledFrom(reply: Exclude<Reply<unknown>, { readonly kind: "ok" }>) {
  if (reply.kind === "lost" || reply.status >= 500) return { outcome: "info" as const };
  return { outcome: "fail" as const, code: String(reply.status) };
}

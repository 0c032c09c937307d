import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HttpTest, startHttp } from "../support/server-http.js";

let http: HttpTest;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

test("a link is acknowledged when its row is written, and leads to its target", async () => {
  const ava = await http.guest("Ava");
  const made = await http.ask("POST", "/api/referrals", { token: ava.token });
  expect([made.status, made.body]).toEqual([201, { code: expect.stringMatching(/^[\w-]{16}$/), durable: true }]);
  const rows = await http.database.query(
    "SELECT target_user_id, target_name FROM referral_mappings WHERE referral_code = $1",
    [made.body.code],
  );
  expect(rows).toEqual([{ target_user_id: ava.userId, target_name: "Ava" }]);
  const ben = await http.guest("Ben");
  const found = await http.ask("GET", `/api/referrals/${made.body.code}`, { token: ben.token });
  expect(found.body).toMatchObject({
    referralCode: made.body.code,
    targetUserId: ava.userId,
    targetName: "Ava",
    createdByName: "Ava",
  });
});

test("who comes through a link is announced to its target, durably and at once", async () => {
  const [ava, ben, cyd] = [await http.guest("Ava"), await http.guest("Ben"), await http.guest("Cyd")];
  const made = await http.ask("POST", "/api/referrals", {
    token: ben.token,
    body: { targetUserId: ava.userId.toUpperCase() },
  });
  const used = await http.ask("POST", `/api/referrals/${made.body.code}/use`, { token: cyd.token });
  expect([used.status, used.body]).toEqual([200, { notificationId: expect.any(String), isNew: true, durable: true }]);
  const expected = {
    notificationId: used.body.notificationId,
    fromUserId: cyd.userId,
    fromName: "Cyd",
    code: made.body.code,
    message: "Cyd came through Ben's link to you",
    at: expect.any(Number),
    readAt: null,
  };
  expect(http.sent.filter(({ userId }) => userId === ava.userId)).toEqual([
    { userId: ava.userId, event: "referral:notification", payload: expected },
  ]);
  const list = await http.ask("GET", "/api/notifications", { token: ava.token });
  expect(list.body).toEqual({ notifications: [expected] });
  expect((await http.ask("GET", "/api/notifications", { token: cyd.token })).body).toEqual({ notifications: [] });
});

test("used twenty times at once by one user, a link notifies once within a minute", async () => {
  const [ava, ben, cyd] = [await http.guest("Ava"), await http.guest("Ben"), await http.guest("Cyd")];
  const { body } = await http.ask("POST", "/api/referrals", { token: ava.token });
  const use = (token: string) => http.ask("POST", `/api/referrals/${body.code}/use`, { token });
  const answers = await Promise.all([...Array.from({ length: 20 }, () => use(ben.token)), use(cyd.token)]);
  expect(answers.map(({ status }) => status)).toEqual(Array(21).fill(200));
  expect(answers.filter((answer) => answer.body.isNew)).toHaveLength(2);
  expect(http.sent.filter(({ userId }) => userId === ava.userId)).toHaveLength(2);
  await http.database.execute(
    "UPDATE referral_notifications SET created_at = created_at - interval '1 minute' WHERE from_user_id = $1",
    [ben.userId],
  );
  expect((await use(ben.token)).body.isNew).toBe(true);
});

test("a notification is marked as read once, by nobody but its target", async () => {
  const [ava, ben] = [await http.guest("Ava"), await http.guest("Ben")];
  const { body } = await http.ask("POST", "/api/referrals", { token: ava.token });
  const used = await http.ask("POST", `/api/referrals/${body.code}/use`, { token: ben.token });
  const read = (token: string, id = used.body.notificationId) =>
    http.ask("POST", `/api/notifications/${id}/read`, { token });
  expect((await read(ben.token)).status).toBe(404);
  const first = await read(ava.token);
  expect([first.status, first.body]).toEqual([200, { readAt: expect.any(Number) }]);
  expect((await read(ava.token)).body).toEqual(first.body);
  expect((await read(ava.token, randomUUID())).status).toBe(404);
  expect((await read(ava.token, "7; DROP TABLE users")).status).toBe(400);
});

test("a guest who comes through a link is announced; a link that is gone keeps nobody out", async () => {
  const ava = await http.guest("Ava");
  const { body } = await http.ask("POST", "/api/referrals", { token: ava.token });
  const came = await http.ask("POST", "/api/guests", { body: { name: "Dee", referralCode: body.code } });
  expect([came.status, came.body.referral]).toEqual([201, { used: true }]);
  expect(http.sent).toContainEqual(
    expect.objectContaining({ userId: ava.userId, payload: expect.objectContaining({ fromName: "Dee" }) }),
  );
  const lost = await http.ask("POST", "/api/guests", { body: { name: "Eve", referralCode: "no-such-link" } });
  expect([lost.status, lost.body.referral]).toEqual([201, { used: false, code: "not_found" }]);
});

test("links to nobody, from nowhere and to oneself are refused", async () => {
  const ava = await http.guest("Ava");
  const nobody = await http.ask("POST", "/api/referrals", { token: ava.token, body: { targetUserId: randomUUID() } });
  expect([nobody.status, nobody.body.error.code]).toEqual([404, "not_found"]);
  expect((await http.ask("POST", "/api/referrals", { token: ava.token, body: { targetUserId: "x" } })).status).toBe(
    400,
  );
  expect((await http.ask("GET", "/api/referrals/unknown", { token: ava.token })).status).toBe(404);
  expect((await http.ask("GET", "/api/referrals/%00", { token: ava.token })).status).toBe(400);
  const own = await http.ask("POST", "/api/referrals", { token: ava.token });
  const used = await http.ask("POST", `/api/referrals/${own.body.code}/use`, { token: ava.token });
  expect([used.status, used.body.error.code]).toEqual([409, "conflict"]);
});

test("a link whose target is deleted leads to nobody", async () => {
  const [ava, ben] = [await http.guest("Ava"), await http.guest("Ben")];
  const { body } = await http.ask("POST", "/api/referrals", { token: ava.token });
  await http.database.execute("DELETE FROM users WHERE user_id = $1", [ava.userId]);
  const used = await http.ask("POST", `/api/referrals/${body.code}/use`, { token: ben.token });
  expect([used.status, used.body.error.code]).toEqual([404, "not_found"]);
});

test("a link that cannot be written, because its target was deleted meanwhile, is not acknowledged", async () => {
  const [ava, ben] = [await http.guest("Ava"), await http.guest("Ben")];
  // Known here as connected, so nobody asks the database before the write.
  http.context.state.presence.set(ava.userId, {
    userId: ava.userId,
    name: "Ava",
    socketId: "s",
    connectedAt: 0,
    queuedFor: null,
    queuedAt: null,
  });
  await http.database.execute("DELETE FROM users WHERE user_id = $1", [ava.userId]);
  const made = await http.ask("POST", "/api/referrals", { token: ben.token, body: { targetUserId: ava.userId } });
  expect([made.status, made.body.error?.code]).toEqual([404, "not_found"]);
  expect([...http.context.state.referrals.values()].some(({ targetUserId }) => targetUserId === ava.userId)).toBe(
    false,
  );
});

test("a link that another server made works here", async () => {
  const [ava, ben] = [await http.guest("Ava"), await http.guest("Ben")];
  await http.database.execute("INSERT INTO referral_mappings VALUES ('from-elsewhere', $1, $1, 'Ava', 'Ava')", [
    ava.userId,
  ]);
  const used = await http.ask("POST", "/api/referrals/from-elsewhere/use", { token: ben.token });
  expect([used.status, used.body.isNew]).toEqual([200, true]);
});

test("fifty who redeem a code for seven at once are seven", async () => {
  const [ava, ben] = [await http.guest("Ava"), await http.guest("Ben")];
  const made = await http.ask("POST", "/api/invite-codes", { token: ava.token, body: { maxUses: 7 } });
  expect([made.status, made.body]).toEqual([
    201,
    { code: expect.any(String), kind: "invite", maxUses: 7, uses: 0, expiresAt: null },
  ]);
  const redeem = () => http.ask("POST", `/api/invite-codes/${made.body.code}/redeem`, { token: ben.token });
  const answers = await Promise.all(Array.from({ length: 50 }, redeem));
  expect(
    answers
      .filter(({ status }) => status === 200)
      .map(({ body }) => body.uses)
      .sort(),
  ).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(answers.filter(({ status, body }) => status === 409 && body.error.code === "conflict")).toHaveLength(43);
  const rows = await http.database.query("SELECT uses, max_uses, created_by FROM invite_codes WHERE code = $1", [
    made.body.code,
  ]);
  expect(rows).toEqual([{ uses: 7, max_uses: 7, created_by: ava.userId }]);
});

test("a code that has expired or never was lets nobody in", async () => {
  const { token } = await http.guest();
  const made = await http.ask("POST", "/api/invite-codes", { token, body: { expiresInMs: 60_000 } });
  expect(made.body.expiresAt - Date.now()).toBeLessThanOrEqual(60_000);
  await http.database.execute("UPDATE invite_codes SET expires_at = now() WHERE code = $1", [made.body.code]);
  expect((await http.ask("POST", `/api/invite-codes/${made.body.code}/redeem`, { token })).status).toBe(409);
  expect((await http.ask("POST", "/api/invite-codes/unknown/redeem", { token })).status).toBe(404);
});

test.each([
  [{ maxUses: 0 }, "maxUses"],
  [{ maxUses: 1.5 }, "maxUses"],
  [{ maxUses: 1e9 }, "maxUses"],
  [{ expiresInMs: -1 }, "expiresInMs"],
  [{ expiresInMs: 1e15 }, "expiresInMs"],
])("an invite code with %j is refused", async (body, field) => {
  const { token } = await http.guest();
  const answer = await http.ask("POST", "/api/invite-codes", { token, body });
  expect([answer.status, answer.body.error.field]).toEqual([400, field]);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { type HttpTest, startHttp, type TestGuest } from "../support/server-http.js";

let http: HttpTest;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

let count = 0;
function newAddress(): string {
  count += 1;
  return `Person.${count}@Example.org`;
}

const requestCode = (token: string, email: string) =>
  http.ask("POST", "/api/account/email", { token, body: { email } });
const verify = (token: string, code: string) =>
  http.ask("POST", "/api/account/email/verify", { token, body: { code } });
const lastCode = (to: string) => http.mails.findLast((mail) => mail.to === to)?.code ?? "";
const wrong = (code: string) => (code === "000000" ? "000001" : "000000");

async function permanent(): Promise<TestGuest & { readonly email: string }> {
  const guest = await http.guest("Perma");
  const email = newAddress();
  await requestCode(guest.token, email);
  expect((await verify(guest.token, lastCode(email))).status).toBe(200);
  return { ...guest, email };
}

test("a code from the mailbox makes the account permanent", async () => {
  const { token, userId } = await http.guest();
  const email = newAddress();
  const asked = await requestCode(token, ` ${email} `);
  expect([asked.status, asked.body]).toEqual([202, { expiresInMs: 600_000 }]);
  const code = lastCode(email);
  expect(code).toMatch(/^\d{6}$/);
  const verified = await verify(token, code);
  expect([verified.status, verified.body]).toEqual([200, { accountType: "permanent", email }]);
  const me = await http.ask("GET", "/api/me", { token });
  expect(me.body).toMatchObject({ userId, accountType: "permanent", stored: { email } });
  expect((await verify(token, code)).status).toBe(403);
});

test("codes lie in the database only as a hash, and neither code nor address is in the log", async () => {
  const { token } = await http.guest();
  const email = newAddress();
  await requestCode(token, email);
  const code = lastCode(email);
  await verify(token, code);
  const [row] = await http.database.query<{ hash: string }>(
    "SELECT code_hash AS hash FROM email_verifications WHERE email = $1",
    [email],
  );
  expect(row?.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(http.logLines.join("\n")).not.toContain(email);
  expect(http.logLines.join("\n")).not.toContain(`"${code}"`);
});

test("after five tries a code is void, even for the right one", async () => {
  const { token } = await http.guest();
  const email = newAddress();
  await requestCode(token, email);
  const code = lastCode(email);
  for (let n = 0; n < 5; n += 1) expect((await verify(token, wrong(code))).status).toBe(403);
  expect((await verify(token, code)).status).toBe(403);
  await requestCode(token, email);
  expect((await verify(token, lastCode(email))).status).toBe(200);
});

test("of fifty tries at once five count", async () => {
  const { token, userId } = await http.guest();
  const email = newAddress();
  await requestCode(token, email);
  const code = lastCode(email);
  const answers = await Promise.all(Array.from({ length: 50 }, () => verify(token, wrong(code))));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]));
  const [row] = await http.database.query<{ attempts: number }>(
    "SELECT attempts FROM email_verifications WHERE user_id = $1",
    [userId],
  );
  expect(row?.attempts).toBe(5);
  expect((await verify(token, code)).status).toBe(403);
});

test("of the right code sent ten times at once one counts", async () => {
  const { token, userId } = await http.guest();
  const email = newAddress();
  await requestCode(token, email);
  const code = lastCode(email);
  const answers = await Promise.all(Array.from({ length: 10 }, () => verify(token, code)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const rows = await http.database.query("SELECT account_type, email FROM users WHERE user_id = $1", [userId]);
  expect(rows).toEqual([{ account_type: "permanent", email }]);
});

test("a code that has expired is void", async () => {
  const { token, userId } = await http.guest();
  const email = newAddress();
  await requestCode(token, email);
  await http.database.execute("UPDATE email_verifications SET expires_at = now() WHERE user_id = $1", [userId]);
  expect((await verify(token, lastCode(email))).status).toBe(403);
});

test("only the newest code counts", async () => {
  const { token } = await http.guest();
  const [first, second] = [newAddress(), newAddress()];
  await requestCode(token, first);
  await requestCode(token, second);
  const [older, newer] = [lastCode(first), lastCode(second)];
  if (older !== newer) expect((await verify(token, older)).status).toBe(403);
  expect((await verify(token, newer)).body).toEqual({ accountType: "permanent", email: second });
});

test("another's code does not help", async () => {
  const [one, two] = [await http.guest(), await http.guest()];
  const email = newAddress();
  await requestCode(one.token, email);
  expect((await verify(two.token, lastCode(email))).status).toBe(403);
});

test("an address that another account has is refused only to who can read its mail", async () => {
  const owner = await permanent();
  const { token, userId } = await http.guest();
  const shouted = owner.email.toUpperCase();
  expect((await requestCode(token, shouted)).status).toBe(202);
  const answer = await verify(token, lastCode(shouted));
  expect([answer.status, answer.body.error.code]).toEqual([409, "conflict"]);
  expect(JSON.stringify(answer.body)).not.toContain(owner.userId);
  const rows = await http.database.query("SELECT account_type FROM users WHERE user_id = $1", [userId]);
  expect(rows).toEqual([{ account_type: "guest" }]);
});

test("of two accounts that verify one address at once one gets it", async () => {
  const guests = await Promise.all(Array.from({ length: 8 }, () => http.guest()));
  const email = newAddress();
  const codes: string[] = [];
  for (const { token } of guests) {
    await requestCode(token, email);
    codes.push(lastCode(email));
  }
  const answers = await Promise.all(guests.map(({ token }, index) => verify(token, codes[index] ?? "")));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)]);
});

test("a permanent account signs in by code, on another device", async () => {
  const { userId, email } = await permanent();
  const asked = await http.ask("POST", "/api/sessions", { body: { email: email.toLowerCase() } });
  expect([asked.status, asked.body]).toEqual([202, { expiresInMs: 600_000 }]);
  await expect.poll(() => http.mails.filter(({ to }) => to === email).length).toBe(2);
  const signedIn = await http.ask("POST", "/api/sessions/verify", { body: { email, code: lastCode(email) } });
  expect([signedIn.status, signedIn.body]).toEqual([
    201,
    { userId, token: expect.any(String), expiresAt: expect.any(Number) },
  ]);
  const me = await http.ask("GET", "/api/me", { token: signedIn.body.token });
  expect(me.body).toMatchObject({ userId, accountType: "permanent" });
  const again = await http.ask("POST", "/api/sessions/verify", { body: { email, code: lastCode(email) } });
  expect(again.status).toBe(403);
});

test("of fifty sign-ins with one code at once one gets a session", async () => {
  const { userId, email } = await permanent();
  await http.ask("POST", "/api/sessions", { body: { email } });
  await expect.poll(() => http.mails.filter(({ to }) => to === email).length).toBe(2);
  const body = { email, code: lastCode(email) };
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => http.ask("POST", "/api/sessions/verify", { body })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  const sessions = await http.database.query("SELECT FROM sessions WHERE user_id = $1", [userId]);
  expect(sessions).toHaveLength(2);
});

test("signing in says nothing about who has an account, and mails nobody who has none", async () => {
  const stranger = newAddress();
  const unverified = newAddress();
  const { token } = await http.guest();
  await requestCode(token, unverified);
  const mailed = http.mails.length;
  for (const email of [stranger, unverified]) {
    const asked = await http.ask("POST", "/api/sessions", { body: { email } });
    expect([asked.status, asked.body]).toEqual([202, { expiresInMs: 600_000 }]);
    const tried = await http.ask("POST", "/api/sessions/verify", { body: { email, code: "123456" } });
    expect([tried.status, tried.body.error.code]).toEqual([403, "forbidden"]);
  }
  expect(http.mails).toHaveLength(mailed);
});

test("a sign-in code that a stranger asks for does not void the code for a new address", async () => {
  const { token, email } = await permanent();
  const next = newAddress();
  await requestCode(token, next);
  await http.ask("POST", "/api/sessions", { body: { email } });
  expect((await verify(token, lastCode(next))).body).toEqual({ accountType: "permanent", email: next });
});

test("a mail that cannot be sent is said, and kept out of the answer's words", async () => {
  const { token } = await http.guest();
  http.breakMail(true);
  const answer = await requestCode(token, newAddress());
  http.breakMail(false);
  expect([answer.status, answer.body.error.code]).toEqual([503, "unavailable"]);
  expect(answer.headers.get("Retry-After")).toBe("5");
});

test.each([
  "",
  "nobody",
  "a@b",
  "a b@example.org",
  "x@example.org\nBcc: y@example.org",
  `${"x".repeat(320)}@example.org`,
  7,
])("%j is no address", async (email) => {
  const { token } = await http.guest();
  const answer = await http.ask("POST", "/api/account/email", { token, body: { email } });
  expect([answer.status, answer.body.error.field]).toEqual([400, "email"]);
});

test.each(["12345", "1234567", "12345a", " 123456", 123456])("%j is no code", async (code) => {
  const { token } = await http.guest();
  const answer = await http.ask("POST", "/api/account/email/verify", { token, body: { code } });
  expect([answer.status, answer.body.error.field]).toEqual([400, "code"]);
});

test("a mailbox gets only so many codes, whoever asks from wherever", async () => {
  const limits = { ...http.context.settings.limits, emailCodes: { count: 2, windowMs: 3_600_000 } };
  await using limited = await startHttp({ settings: { limits } });
  const ask = (email: string) => limited.ask("POST", "/api/sessions", { body: { email } });
  expect((await ask("one@example.org")).status).toBe(202);
  expect((await ask("ONE@example.org")).status).toBe(202);
  expect((await ask("one@example.org")).status).toBe(429);
  expect((await ask("two@example.org")).status).toBe(202);
});

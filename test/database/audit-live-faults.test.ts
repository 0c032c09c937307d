import { expect, test } from "vitest";
import { RoomctlError } from "../../src/core/errors.js";
import { type FakeControl, fakeContainer, sendJson } from "../support/control.js";
import { createLiveSetting } from "../support/live-audit.js";
import { createScratchDatabase } from "../support/postgres.js";

const schema = "CREATE TABLE games (id text PRIMARY KEY, n int)";
const container = () => fakeContainer("games", [{ key: "a", version: 1, row: { id: "a", n: 1 } }], { table: "games" });

/** The error as a person sees it. */
async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RoomctlError)) throw new Error("no RoomctlError was thrown", { cause: error });
  const why = error.cause instanceof Error ? error.cause.message : undefined;
  return { code: error.code, exitCode: error.exitCode, message: error.message, why, hint: error.hint };
}

/** What a hostile or broken server answers, and the reason that is told for it. */
const faults: readonly (readonly [string, FakeControl["answer"], RegExp])[] = [
  ["text that is no JSON", (_, response) => !!response.writeHead(200).end("<html>"), /no JSON/],
  ["nothing", (_, response) => !!response.writeHead(200).end(), /no JSON/],
  ["an error", (_, response) => !!response.writeHead(500).end("{}"), /it answered 500/],
  ["another place", (_, response) => !!response.writeHead(302, { location: "http://localhost:1/" }).end(), /302/],
  ["half an answer", (_, response) => !!response.writeHead(200).write("{") && !!response.destroy(), /ECONNRESET/],
  ["a list", (_, response) => sendJson(response, []), /docs\/audit-live\.md has it: the answer: /],
  ["no server", (_, response) => sendJson(response, { containers: [] }), /has it: server: /],
  [
    "a size that is no number",
    (_, response) => {
      const one = { name: "games", persistence: "write-behind", size: "many" };
      return sendJson(response, { server: { instance: "x" }, containers: [one] });
    },
    /has it: containers\.0\.size: /,
  ],
  [
    "a container twice",
    (_, response) => {
      const one = { name: "games", persistence: "ephemeral", size: 0 };
      return sendJson(response, { server: { instance: "x" }, containers: [one, one] });
    },
    /names "games" twice/,
  ],
];

test.each(faults)("a server that answers %s is one clear error", async (_, answer, why) => {
  await using setting = await createLiveSetting(schema, { containers: [container()] });
  setting.control.answer = answer;
  expect(await failureOf(setting.audit())).toEqual({
    code: "E_CONTROL",
    exitCode: 1,
    message: `${setting.control.address} could not be asked what it holds (/state)`,
    why: expect.stringMatching(why),
    hint: `curl --unix-socket ${setting.control.socketPath} http://localhost/state`,
  });
});

test("an answer without an end is cut off at the limit", async () => {
  await using setting = await createLiveSetting(schema, { containers: [container()] });
  setting.control.answer = (_, response) => {
    const more = () => {
      while (!response.destroyed && response.write("[".repeat(10_000)));
      response.once("drain", more);
    };
    response.writeHead(200);
    more();
    return true;
  };
  expect(await failureOf(setting.audit({ maxBytes: 100_000 }))).toMatchObject({
    code: "E_CONTROL",
    why: "its answer is longer than 100,000 bytes",
  });
});

test("an answer that never comes, or never ends, is given up in time", async () => {
  await using setting = await createLiveSetting(schema, { containers: [container()] });
  setting.control.answer = () => true;
  expect(await failureOf(setting.audit({ timeoutMs: 50 }))).toMatchObject({ why: "no whole answer within 0.05 s" });
  setting.control.answer = (_, response) => response.writeHead(200).write("{") || true;
  expect(await failureOf(setting.audit({ timeoutMs: 50 }))).toMatchObject({ why: "no whole answer within 0.05 s" });
});

test("pages that go on for ever are cut off", async () => {
  await using setting = await createLiveSetting(schema, { containers: [container()] });
  let number = 0;
  const page = () => {
    const entries = Array.from({ length: 1000 }, () => {
      number += 1;
      return { key: String(number).padStart(12, "0"), pending: true, row: { id: String(number) } };
    });
    return { entries, next: entries.at(-1)?.key };
  };
  setting.control.answer = (request, response) => {
    return request.url?.startsWith("/state/") ? sendJson(response, page()) : false;
  };
  expect(await failureOf(setting.audit())).toMatchObject({ why: "it has more than 100,002 entries, and said 1" });
});

test.each([
  ["the same page again", { entries: [{ key: "a", row: { id: "a" } }], next: "a" }, /do not rise/],
  ["keys in disorder", { entries: [{ key: "b" }, { key: "a" }] }, /do not rise: "a"/],
  ["an empty page that is not the last", { entries: [], next: "b" }, /do not go on/],
  ["an entry without a key", { entries: [{ row: {} }] }, /entries\.0\.key/],
])("a server that gives %s is refused", async (_, page, why) => {
  await using setting = await createLiveSetting(schema, { containers: [container()] });
  setting.control.answer = (request, response) => {
    return request.url?.startsWith("/state/") ? sendJson(response, page) : false;
  };
  expect(await failureOf(setting.audit())).toMatchObject({ code: "E_CONTROL", why: expect.stringMatching(why) });
});

test("a server that wants a token says so, and gets it", async () => {
  await using setting = await createLiveSetting(`${schema}; INSERT INTO games VALUES ('a', 1)`, {
    containers: [container()],
  });
  setting.control.answer = (request, response) =>
    request.headers.authorization === "Bearer right" ? false : !!response.writeHead(401).end();
  expect(await failureOf(setting.audit())).toMatchObject({
    code: "E_CONTROL",
    why: "it answered 401, and no token was given",
    hint: expect.stringContaining("ROOMCTL_CONTROL_TOKEN"),
  });
  const wrong = await failureOf(setting.audit({ token: "wrong" }));
  expect(wrong).toMatchObject({ why: "it answered 401 to the token that it was given" });
  expect(JSON.stringify(wrong)).not.toContain("wrong");
  expect((await setting.audit({ token: "right" })).findings).toEqual([]);
});

test("a server that is not there is one clear error", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using setting = await createLiveSetting(schema);
  expect(await failureOf(setting.audit({ address: "unix:/nowhere/control.sock" }, database))).toMatchObject({
    code: "E_CONTROL",
    why: "ENOENT",
    hint: "curl --unix-socket /nowhere/control.sock http://localhost/state",
  });
});

test("a table that this database does not have is one finding, and the rest is compared", async () => {
  const other = fakeContainer("other", [], { table: "nope" });
  const system = fakeContainer("roles", [], { table: "pg_catalog.pg_authid" });
  await using setting = await createLiveSetting(schema, { containers: [other, system, container()] });
  const { findings } = await setting.audit();
  expect(findings.map(({ id, title }) => [id, title])).toEqual([
    ["live-not-compared", "other was not compared: this database has no table nope"],
    ["live-not-compared", "roles was not compared: this database has no table pg_catalog.pg_authid"],
    ["live-missing-in-database", "games: 1 in memory and said to be written, but without a row (games)"],
  ]);
});

test("a table that is locked or forbidden is a finding, and the rest is compared", async () => {
  const hidden = fakeContainer("hidden", [{ key: "a", row: { id: "a" } }], { table: "hidden" });
  await using setting = await createLiveSetting(`${schema}; CREATE TABLE hidden (id text PRIMARY KEY)`, {
    containers: [container(), hidden],
  });
  await using holder = await setting.database.connect();
  await holder.execute("BEGIN; LOCK TABLE hidden IN ACCESS EXCLUSIVE MODE");
  const { findings } = await setting.audit({ lockTimeoutMs: 50 });
  await holder.execute("ROLLBACK");
  expect(findings.map(({ id, subject }) => [id, subject])).toEqual([
    ["live-missing-in-database", "games"],
    ["live-not-compared", "hidden"],
  ]);
});

test("names and values of the network never become SQL", async () => {
  const evil = `x'; DROP TABLE games; --`;
  const rows = { n: [1, null], id: evil };
  const entries = [{ key: evil, row: { id: evil, 'n" int); DROP TABLE games; --': 1 } }];
  const games = fakeContainer("games", entries, { table: "games", complete: true, rows });
  const badColumn = fakeContainer("bad", [], { table: "games", complete: true, rows: { "id) OR (1=1": "a" } });
  const badType = fakeContainer("worse", [], { table: "games", complete: true, rows: { n: "1) OR (1=1" } });
  await using setting = await createLiveSetting(`${schema}; INSERT INTO games VALUES ('a', 1), ($$${evil}$$, NULL)`, {
    containers: [games, badColumn, badType],
  });
  const { findings } = await setting.audit();
  expect(findings.map(({ id, subject }) => [id, subject])).toEqual([
    ["live-not-compared", "bad"],
    ["live-not-compared", "worse"],
  ]);
  expect(await setting.database.query("SELECT count(*)::int AS rows FROM games")).toEqual([{ rows: 2 }]);
});

test("rows that the table could never hold are found one by one, up to a limit", async () => {
  const entries = Array.from({ length: 1150 }, (_, index) => {
    const key = String(index).padStart(4, "0");
    return { key, row: { id: key, n: index < 3 || index >= 1000 ? "no number" : index } };
  });
  const games = fakeContainer("games", entries.slice(0, 1000), { table: "games" });
  await using setting = await createLiveSetting(
    `${schema}; INSERT INTO games SELECT lpad(n::text, 4, '0'), n FROM generate_series(0, 1149) AS n`,
    { containers: [games] },
  );
  expect((await setting.audit()).findings).toMatchObject([{ id: "live-differs", count: 3 }]);
  for (const entry of entries) games.entries.set(entry.key, entry);
  const { findings, live } = await setting.audit();
  expect(findings.map(({ id }) => id)).toEqual(["live-differs", "live-not-compared"]);
  expect(live.containers[0]).toMatchObject({ outcome: "not compared", because: expect.stringContaining("too many") });
});

test("an interrupt ends the questions, and its own reason is what is thrown", async () => {
  await using setting = await createLiveSetting(schema, { containers: [container()] });
  const abort = new AbortController();
  const reason = new RoomctlError("E_INTERRUPTED", "interrupted");
  setting.control.answer = () => {
    abort.abort(reason);
    return true;
  };
  await expect(setting.audit({ signal: abort.signal })).rejects.toBe(reason);
});

test("only the containers of chosen states are asked for", async () => {
  const other = fakeContainer("other", [{ key: "a", row: { id: "a" } }], { table: "nope" });
  await using setting = await createLiveSetting(schema, { containers: [container(), other] });
  const { findings, live } = await setting.audit({ states: ["Games"] });
  expect(live.containers.map(({ name }) => name)).toEqual(["games"]);
  expect(findings.map(({ subject }) => subject)).toEqual(["games"]);
  expect(setting.control.asked.some((path) => path.startsWith("/state/other"))).toBe(false);
  await expect(setting.audit({ states: ["nope"] })).rejects.toMatchObject({ code: "E_USAGE" });
});

test("a server without a database, and entries without rows, are said to be memory only", async () => {
  const presence = fakeContainer("presence", [{ key: "a", row: null }], { persistence: "ephemeral", table: null });
  await using setting = await createLiveSetting(schema, {
    containers: [presence],
    server: { database: "none", epoch: null },
  });
  const { findings, live } = await setting.audit();
  expect(findings.map(({ id, severity }) => [id, severity])).toEqual([["live-without-database", "warning"]]);
  expect(live.containers).toMatchObject([{ outcome: "memory only", size: 1, held: 0 }]);
});

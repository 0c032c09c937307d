import { expect, test } from "vitest";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { sqlstate } from "../../src/db/sqlstate.js";
import { fakeContainer } from "../support/control.js";
import { createLiveSetting } from "../support/live-audit.js";
import { serverNames } from "../support/postgres.js";

const games = `CREATE TABLE games (
  id uuid PRIMARY KEY, status text NOT NULL, score numeric(10, 2), rank bigint, tags text[], extra jsonb,
  started_at timestamptz, ends_at timestamptz, code varchar(3), owner_epoch bigint NOT NULL DEFAULT 7, version bigint NOT NULL DEFAULT 1)`;

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const live = { complete: true, rows: { owner_epoch: 7, status: ["active", "waiting"] } };

function game(number: number, row: Record<string, unknown> = {}, parts: Record<string, unknown> = {}) {
  return { key: id(number), version: 1, row: { id: id(number), status: "active", ...row }, ...parts };
}

const insertGame = (number: number, columns = "", values = "") =>
  `INSERT INTO games (id, status${columns}) VALUES ('${id(number)}', 'active'${values})`;

test.each(serverNames)("memory that agrees with its rows has no findings (%s)", async (serverName) => {
  const row = {
    score: 1.5,
    rank: "9007199254740993",
    tags: ["a", "b"],
    extra: { b: 1, a: [null] },
    started_at: "2026-01-01T12:00:00.123Z",
    ends_at: "infinity",
    code: "abc",
    unknown: "no column of the table",
  };
  const container = fakeContainer("games", [game(1, row), game(2, { score: null })], { table: "games", ...live });
  await using setting = await createLiveSetting(games, { containers: [container], serverName });
  await setting.database.execute(
    insertGame(
      1,
      ", score, rank, tags, extra, started_at, ends_at, code",
      `, 1.50, 9007199254740993, '{a,b}', '{"a": [null], "b": 1}', '2026-01-01 13:00:00.123456+01', 'infinity', 'abc'`,
    ),
  );
  await setting.database.execute(insertGame(2));
  const { live: report, findings } = await setting.audit();
  expect(findings).toEqual([]);
  expect(report).toMatchObject({
    server: { instance: "made-up-1", epoch: "7", pid: 4242 },
    containers: [{ name: "games", outcome: "agrees", size: 2, held: 2, compared: 2, pending: 0, leftOut: ["unknown"] }],
  });
});

test.each(serverNames)("each kind of drift is found by its name, with key and values (%s)", async (serverName) => {
  const container = fakeContainer(
    "games",
    [
      game(1),
      game(2, {}, { version: 5 }),
      game(3, {}, { version: 5 }),
      game(4, { rank: 1, status: "waiting" }),
      game(5, {}, { version: 9, pending: true }),
      game(6, { code: "too long" }),
    ],
    { table: "games", ...live },
  );
  await using setting = await createLiveSetting(games, { containers: [container], serverName });
  for (const number of [2, 3, 4, 6, 7]) await setting.database.execute(insertGame(number, ", rank", ", 2"));
  await setting.database.execute(
    `UPDATE games SET version = 4 WHERE id = '${id(2)}'; UPDATE games SET owner_epoch = 8 WHERE id = '${id(3)}';
     INSERT INTO games (id, status) VALUES ('${id(8)}', 'ended');
     INSERT INTO games (id, status, owner_epoch) VALUES ('${id(9)}', 'active', 6)`,
  );
  const { live: report, findings } = await setting.audit();
  expect(findings.map(({ id: name, count, subject, severity }) => [name, count, subject, severity])).toEqual([
    ["live-missing-in-database", 1, "games", "error"],
    ["live-missing-in-memory", 1, "games", "error"],
    ["live-stale", 1, "games", "error"],
    ["live-ahead", 1, "games", "error"],
    ["live-differs", 2, "games", "error"],
    ["live-pending", undefined, "games", "info"],
  ]);
  const [container1] = report.containers;
  expect(container1).toMatchObject({ outcome: "drift", driftCount: 6, held: 6, compared: 5, pending: 1 });
  const drift = new Map(container1?.drift.map((one) => [one.key, one]));
  expect(drift.get(id(1))).toMatchObject({ id: "live-missing-in-database" });
  expect(drift.get(id(2))).toMatchObject({ id: "live-stale", memoryVersion: "5", rowVersion: "4" });
  expect(drift.get(id(3))).toMatchObject({ id: "live-ahead", rowEpoch: "8" });
  expect(drift.get(id(4))).toMatchObject({
    id: "live-differs",
    fields: [
      { field: "status", memory: '"waiting"', database: '"active"' },
      { field: "rank", memory: "1", database: "2" },
    ],
  });
  expect(drift.get(id(6))).toMatchObject({ id: "live-differs", refusal: expect.stringContaining("too long") });
  expect(drift.get(JSON.stringify([id(7)]))).toMatchObject({ id: "live-missing-in-memory" });
});

test("keys of several columns are taken from the table, and a column of a wider table stands alone", async () => {
  const limits = fakeContainer(
    "limits",
    [{ key: "a 1", version: 3, row: { name: "a", since: "2026-01-01T00:00:00.000Z", count: 4, deleted: false } }],
    { table: "app.limits", complete: true },
  );
  const totals = fakeContainer("totals", [{ key: "p", version: 1, row: { id: "p", total: 7 } }], { table: "people" });
  await using setting = await createLiveSetting(
    `CREATE SCHEMA app; CREATE TABLE app.limits (name text, since timestamptz, count int, PRIMARY KEY (name, since));
     CREATE TABLE people (id text PRIMARY KEY, name text NOT NULL, total int);
     INSERT INTO app.limits VALUES ('a', '2026-01-01', 4); INSERT INTO people VALUES ('p', 'Ann', 7), ('q', 'Bea', 0)`,
    { containers: [limits, totals] },
  );
  expect((await setting.audit()).findings).toEqual([]);
  await setting.database.execute("UPDATE app.limits SET count = 5; UPDATE people SET total = 8");
  const { findings } = await setting.audit();
  expect(findings.map(({ id: name, cases }) => [name, cases])).toEqual([
    ["live-differs", ["a 1: count 4 in memory, 5 in the row"]],
    ["live-differs", ["p: total 7 in memory, 8 in the row"]],
  ]);
});

test("many pages are read, and only what does not agree is read again", async () => {
  const entries = Array.from({ length: 2500 }, (_, index) => game(index));
  const container = fakeContainer("games", entries, { table: "games", ...live });
  await using setting = await createLiveSetting(games, { containers: [container] });
  await setting.database.execute(
    `INSERT INTO games (id, status)
     SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'active' FROM generate_series(0, 2499) AS n`,
  );
  expect((await setting.audit()).findings).toEqual([]);
  expect(setting.control.asked.filter((path) => path.startsWith("/state/"))).toHaveLength(3);
  setting.control.asked.length = 0;
  await setting.database.execute(`UPDATE games SET status = 'waiting' WHERE id = '${id(1700)}'`);
  const { findings } = await setting.audit();
  expect(findings).toMatchObject([{ id: "live-differs", count: 1 }]);
  expect(setting.control.asked.filter((path) => path.startsWith("/state/"))).toHaveLength(4);
});

test("what changes, is written or goes away while it is compared is no drift", async () => {
  const container = fakeContainer("games", [game(1), game(2), game(3), game(4)], {
    table: "games",
    highestVersion: 1,
    flushedVersion: 1,
    ...live,
  });
  await using setting = await createLiveSetting(games, { containers: [container] });
  const { control, database } = setting;
  // After memory was read for the first time: 1 is changed and written, 2 is changed, 3 ends, 5 begins. 4 is lost.
  let pages = 0;
  control.onAsk = async (path) => {
    if (!path.startsWith("/state/")) return;
    pages += 1;
    if (pages !== 2) return;
    container.entries.set(id(1), game(1, { status: "waiting" }, { version: 2 }));
    container.entries.set(id(2), game(2, { status: "waiting" }, { version: 3, pending: true }));
    container.entries.delete(id(3));
    container.entries.set(id(5), game(5));
  };
  await database.execute(
    `INSERT INTO games (id, status, version) VALUES ('${id(1)}', 'waiting', 2), ('${id(2)}', 'active', 0),
       ('${id(3)}', 'ended', 4), ('${id(5)}', 'active', 1)`,
  );
  const { findings, live: report } = await setting.audit();
  expect(findings.map(({ id: name, cases }) => [name, cases])).toEqual([
    ["live-missing-in-database", [id(4)]],
    ["live-pending", undefined],
  ]);
  expect(report.containers[0]).toMatchObject({ pending: 1, unsettled: 0 });
});

test("an entry that changes at every look is said to be unsettled, and nothing else", async () => {
  const container = fakeContainer("games", [game(1)], { table: "games" });
  await using setting = await createLiveSetting(games, { containers: [container] });
  let version = 1;
  setting.control.onAsk = () => {
    version += 1;
    container.entries.set(id(1), game(1, {}, { version }));
  };
  const { findings, live: report } = await setting.audit();
  expect(report.containers[0]).toMatchObject({ outcome: "agrees", unsettled: 1, driftCount: 0 });
  expect(findings.map(({ id: name, severity }) => [name, severity])).toEqual([["live-pending", "info"]]);
});

test("a deletion that is not written yet is waited for, and not taken for a lost entry", async () => {
  const container = fakeContainer("games", [], { table: "games", highestVersion: 3, ...live });
  let flushed = 2;
  Object.defineProperty(container, "flushedVersion", { enumerable: true, get: () => flushed });
  await using setting = await createLiveSetting(`${games}; ${insertGame(1)}; ${insertGame(2)}`, {
    containers: [container],
  });
  let states = 0;
  setting.control.onAsk = async (path) => {
    if (path !== "/state") return;
    states += 1;
    if (states !== 4) return;
    await setting.database.execute(`DELETE FROM games WHERE id = '${id(1)}'`);
    flushed = 3;
  };
  const { findings } = await setting.audit();
  expect(findings.map(({ id: name, cases }) => [name, cases])).toEqual([
    ["live-missing-in-memory", [JSON.stringify([id(2)])]],
  ]);
});

test("while a server cannot write, missing keys are open questions", async () => {
  const container = fakeContainer("games", [], { table: "games", highestVersion: 3, flushedVersion: 2, ...live });
  await using setting = await createLiveSetting(`${games}; ${insertGame(1)}`, { containers: [container] });
  const { findings, live: report } = await setting.audit({ pauseMs: 1 });
  expect(findings.map(({ id: name }) => name)).toEqual(["live-pending"]);
  expect(report.containers[0]).toMatchObject({ unsettled: 1, driftCount: 0 });
});

test("an audit writes nothing: a database that takes no writes is enough", async () => {
  const container = fakeContainer("games", [game(1)], { table: "games", ...live });
  await using setting = await createLiveSetting(`${games}; ${insertGame(1)}; ${insertGame(2)}`, {
    containers: [container],
  });
  const [current] = await setting.database.query<{ name: string }>("SELECT current_database() AS name");
  await setting.database.execute(
    `ALTER DATABASE ${quoteIdentifier(current?.name ?? "")} SET default_transaction_read_only = on`,
  );
  await using readOnly = await setting.open();
  await expect(readOnly.execute("DELETE FROM games")).rejects.toMatchObject({ code: sqlstate.readOnlySqlTransaction });
  const { findings } = await setting.audit({}, readOnly);
  expect(findings.map(({ id: name }) => name)).toEqual(["live-missing-in-memory"]);
});

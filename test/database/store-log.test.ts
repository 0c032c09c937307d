import { expect, test } from "vitest";
import type { AppendLog, LogOptions } from "../../src/store/append-log.js";
import { isIndeterminate } from "../../src/store/entry.js";
import { logStatement } from "../../src/store/log-statement.js";
import { serverNames } from "../support/postgres.js";
import { createStoreDatabase, hold, type StoreDatabase, untilBlocked } from "../support/store-database.js";

interface Line {
  readonly id: string;
  readonly body: string;
}

interface StoredLine extends Line {
  readonly number: number;
}

/** A log into a table that numbers its lines and counts what it was asked to insert. */
async function createLog(
  { direct, store }: StoreDatabase,
  options: Partial<LogOptions<Line, StoredLine>> = {},
): Promise<AppendLog<Line, StoredLine>> {
  await direct.execute(
    "CREATE TABLE lines (id text PRIMARY KEY, body text NOT NULL CHECK (body <> 'refused'), number serial)",
  );
  const columns = { id: "text", body: "text" };
  return store.log<Line, StoredLine>({
    name: "lines",
    statement: logStatement({ table: "lines", id: "id", columns, returning: ["number"] }),
    waitMs: 120_000,
    toRow: (line) => line,
    fromRow: (receipt, line) => ({ ...line, number: Number(Reflect.get(Object(receipt), "number")) }),
    ...options,
  });
}

const lines = (count: number): readonly Line[] =>
  Array.from({ length: count }, (_, index) => ({ id: `l${index}`, body: `line ${index}` }));

const storedIds = async ({ direct }: StoreDatabase) =>
  (await direct.query<{ id: string }>("SELECT id FROM lines ORDER BY number")).map(({ id }) => id);

test.each(serverNames)(
  "on %s, what is appended together is committed together, each with its own receipt",
  async (server) => {
    await using scene = await createStoreDatabase({ server });
    const log = await createLog(scene);
    scene.store.attach(scene.database, scene.fence);
    const stored = await Promise.all(lines(1200).map((line) => log.append(line)));
    const rows = await scene.direct.query<StoredLine>("SELECT id, body, number FROM lines ORDER BY number");
    expect(stored).toEqual(rows);
    expect(rows.map(({ id }) => id)).toEqual(lines(1200).map(({ id }) => id));
    expect(log.stats()).toMatchObject({ batches: 3, rows: 1200, queued: 0, inflight: 0, rejected: 0 });
  },
);

test("nothing is acknowledged before it can be read by others", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  scene.store.attach(scene.database, scene.fence);
  for (const line of lines(20)) {
    await log.append(line);
    expect(await storedIds(scene)).toContain(line.id);
  }
});

test("while a commit is under way the next group gathers, and goes as one", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  scene.store.attach(scene.database, scene.fence);
  const lock = await hold(scene.direct, "LOCK TABLE lines IN EXCLUSIVE MODE");
  const [first, ...others] = lines(300);
  const appended = [log.append(first ?? { id: "", body: "" })];
  await untilBlocked(scene.direct, "INSERT INTO");
  for (const line of others) appended.push(log.append(line));
  await lock.release();
  await Promise.all(appended);
  expect(log.stats()).toMatchObject({ batches: 2, rows: 300 });
});

test("an entry that the database refuses fails alone", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  scene.store.attach(scene.database, scene.fence);
  const wishes = [
    ...lines(50),
    { id: "bad", body: "refused" },
    { id: "odd", body: "\u0000" },
    { id: "last", body: "" },
  ];
  const outcomes = await Promise.allSettled(wishes.map((line) => log.append(line)));
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [[wishes[index]?.id, outcome.reason.code]] : [],
  );
  expect(failed).toEqual([
    ["bad", "E_SQL"],
    ["odd", "E_SQL"],
  ]);
  expect(await storedIds(scene)).toEqual([...lines(50).map(({ id }) => id), "last"]);
  expect(log.stats()).toMatchObject({ rejected: 2, breaker: "closed", retries: 0 });
});

test("the same id again gets the row that is there, in one group or later", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  scene.store.attach(scene.database, scene.fence);
  const line = { id: "twice", body: "once" };
  const [one, two] = await Promise.all([log.append(line), log.append(line)]);
  const three = await log.append(line);
  expect([two?.number, three.number]).toEqual([one?.number, one?.number]);
  expect(await storedIds(scene)).toEqual(["twice"]);
});

test("an answer lost after the commit is asked for again: acknowledged once, stored once", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const log = await createLog(scene);
  scene.store.attach(scene.database, scene.fence);
  await log.append({ id: "warm", body: "" });
  const lost = scene.proxy.loseNextAnswer();
  const appended = Promise.all(lines(30).map((line) => log.append(line)));
  await lost;
  const stored = await appended;
  expect(await storedIds(scene)).toEqual(["warm", ...lines(30).map(({ id }) => id)]);
  expect(stored.map(({ number }) => number)).toEqual(stored.map((_, index) => index + 2));
  expect(log.stats()).toMatchObject({ retries: 1, rejected: 0 });
});

test("an entry that waits too long before it is sent is dropped; one that was sent may be stored, and says so", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene, { waitMs: 1500 });
  scene.store.attach(scene.database, scene.fence);
  // The first one may wait for its session longer than the others may wait at all.
  await expect.poll(() => log.append({ id: "warm", body: "" }).then(() => true, isIndeterminate)).toBe(true);
  const lock = await hold(scene.direct, "LOCK TABLE lines IN EXCLUSIVE MODE");
  const sent = log.append({ id: "sent", body: "" }).catch((error: unknown) => error);
  await untilBlocked(scene.direct, "INSERT INTO");
  const waiting = log.append({ id: "waiting", body: "" }).catch((error: unknown) => error);
  const errors = [await sent, await waiting];
  expect(errors).toMatchObject([{ code: "E_UNAVAILABLE" }, { code: "E_UNAVAILABLE" }]);
  expect(errors.map(isIndeterminate)).toEqual([true, false]);
  await lock.release();
  await log.append({ id: "after", body: "" });
  expect(await storedIds(scene)).toEqual(["warm", "sent", "after"]);
});

test("entries wait through an outage", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const log = await createLog(scene, { waitMs: 120_000 });
  const { proxy, store, database, fence } = scene;
  store.attach(database, fence);
  await log.append({ id: "warm", body: "" });
  proxy.isDown = true;
  proxy.cut();
  const short = log.append({ id: "short", body: "" });
  await expect.poll(() => log.stats().retries).toBeGreaterThan(1);
  proxy.isDown = false;
  expect(await short).toMatchObject({ number: 2 });
});

test("entries are refused when an outage is longer than they may wait, and taken again after it", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const log = await createLog(scene, { waitMs: 1500 });
  const { proxy, store, database, fence } = scene;
  store.attach(database, fence);
  proxy.isDown = true;
  proxy.cut();
  const long = log.append({ id: "long", body: "" });
  await expect(long).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  expect(log.stats().queued).toBe(0);
  proxy.isDown = false;
  await expect
    .poll(() =>
      log.append({ id: "back", body: "" }).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  expect(await storedIds(scene)).toEqual(["back"]);
});

test("more entries than may wait are turned away at once", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene, { maxQueue: 10 });
  const { store, database, fence, direct } = scene;
  store.attach(database, fence);
  const lock = await hold(direct, "LOCK TABLE lines IN EXCLUSIVE MODE");
  const first = log.append({ id: "first", body: "" });
  await untilBlocked(direct, "INSERT INTO");
  const waiting = lines(10).map((line) => log.append(line));
  await expect(log.append({ id: "eleventh", body: "" })).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  await lock.release();
  await Promise.all([first, ...waiting]);
  expect((await storedIds(scene)).length).toBe(11);
});

test("without a database an entry is turned away at once, or becomes what the fallback makes of it", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  await expect(log.append({ id: "a", body: "" })).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  const other = scene.store.log<Line, string>({
    name: "other",
    statement: "",
    toRow: (line) => line,
    fromRow: () => "stored",
    fallback: ({ id }) => `${id} in memory`,
  });
  expect(await other.append({ id: "a", body: "" })).toBe("a in memory");
});

test("once somebody else owns the data an append is refused, and nothing of it is stored", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  const { store, database, fence, direct, events } = scene;
  store.attach(database, fence);
  await log.append({ id: "before", body: "" });
  await direct.execute("UPDATE owners SET stopped_at = now() WHERE epoch = 7");
  const outcomes = await Promise.allSettled(lines(5).map((line) => log.append(line)));
  expect(new Set(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.code))).toEqual(
    new Set(["E_UNAVAILABLE"]),
  );
  await expect(log.append({ id: "after", body: "" })).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  expect(await storedIds(scene)).toEqual(["before"]);
  expect(events).toMatchObject([{ kind: "fenced", map: "lines" }]);
});

test("drain waits for what was appended", async () => {
  await using scene = await createStoreDatabase();
  const log = await createLog(scene);
  scene.store.attach(scene.database, scene.fence);
  const appended = lines(100).map((line) => log.append(line));
  expect(await scene.store.drain(120_000)).toEqual({ left: 0 });
  expect(await storedIds(scene)).toHaveLength(100);
  await Promise.all(appended);
});

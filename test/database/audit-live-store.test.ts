import { setImmediate as breathe } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Container } from "../../src/store/container.js";
import { mirrorStatement } from "../../src/store/mirror-statement.js";
import { Store } from "../../src/store/store.js";
import { type FakeContainer, fakeContainer } from "../support/control.js";
import { createLiveSetting, type LiveSetting } from "../support/live-audit.js";

interface Game {
  readonly status: string;
  readonly score: number;
}

const schema = `CREATE TABLE games (id text PRIMARY KEY, status text NOT NULL, score int NOT NULL,
  epoch bigint NOT NULL, version bigint NOT NULL)`;

const statement = mirrorStatement({
  table: "games",
  key: ["id"],
  columns: { id: "text", status: "text", score: "integer" },
});

interface StoreSetting extends AsyncDisposable {
  readonly setting: LiveSetting;
  readonly store: Store;
  readonly games: ReturnType<typeof createGames>;
}

function createGames(store: Store) {
  return store.map<Game>({
    name: "games",
    mirror: {
      table: "games",
      statement,
      toRow: (id, game, { version, deleted }) => ({ id, ...game, version, deleted }),
    },
  });
}

/** A real store that writes to a real database, published as a server would. */
async function createStoreSetting(): Promise<StoreSetting> {
  const store = new Store({ flushMs: 2 });
  const games = createGames(store);
  const containers = store.containers().map((container) => publish(store, container));
  const setting = await createLiveSetting(schema, { containers });
  const own = await setting.open();
  store.attach(own, { epoch: "7" });
  return {
    setting,
    store,
    games,
    async [Symbol.asyncDispose]() {
      await store.detach();
      await own[Symbol.asyncDispose]();
      await setting[Symbol.asyncDispose]();
    },
  };
}

function publish(store: Store, container: Container): FakeContainer {
  const statsOf = () => store.stats().maps.find(({ name }) => name === container.name);
  const published = fakeContainer(container.name, [], { table: "games", complete: true, rows: { epoch: 7 } });
  const live: Record<string, () => unknown> = {
    size: () => container.size,
    highestVersion: () => statsOf()?.highestVersion,
    flushedVersion: () => statsOf()?.flushedVersion,
    entries: () =>
      new Map(container.page(undefined, 1_000_000).map((one) => [one.key, { ...one, row: { ...one.row } }])),
  };
  for (const [name, get] of Object.entries(live)) Object.defineProperty(published, name, { enumerable: true, get });
  return published;
}

/** Changes memory without a pause, until it is told to stop: the same keys over and over, and their ends. */
async function keepChanging(games: StoreSetting["games"], isOver: () => boolean): Promise<number> {
  let step = 0;
  while (!isOver()) {
    for (let change = 0; change < 20; change += 1) {
      step += 1;
      // A linear congruence: every run does the same.
      const key = `game-${String((step * 7919) % 1500).padStart(5, "0")}`;
      if (step % 5 === 0) games.delete(key);
      else games.set(key, { status: step % 3 === 0 ? "waiting" : "active", score: step });
    }
    await breathe();
  }
  return step;
}

test("a store under load shows no drift, look after look", async () => {
  await using part = await createStoreSetting();
  let isOver = false;
  const changing = keepChanging(part.games, () => isOver);
  const drift = [];
  for (let look = 0; look < 6; look += 1) {
    const { live } = await part.setting.audit();
    drift.push(...live.containers.flatMap((container) => container.drift));
  }
  isOver = true;
  expect(await changing).toBeGreaterThan(1000);
  expect(drift).toEqual([]);
  await part.store.flushed();
  const { live, findings } = await part.setting.audit();
  expect(findings).toEqual([]);
  expect(live.containers).toMatchObject([{ outcome: "agrees", pending: 0, held: part.games.size }]);
});

test("what somebody else does to the rows is found while the store is under load", async () => {
  await using part = await createStoreSetting();
  for (const key of ["lost", "older", "newer", "other"]) part.games.set(key, { status: "active", score: 1 });
  await part.store.flushed();
  let isOver = false;
  const changing = keepChanging(part.games, () => isOver);
  await part.setting.database.execute(
    `DELETE FROM games WHERE id = 'lost'; UPDATE games SET version = 0 WHERE id = 'older';
     UPDATE games SET epoch = 8 WHERE id = 'newer'; UPDATE games SET score = 2 WHERE id = 'other';
     INSERT INTO games VALUES ('nobody', 'active', 1, 7, 1)`,
  );
  const { live } = await part.setting.audit();
  isOver = true;
  await changing;
  expect(live.containers[0]?.drift.map(({ id, key }) => [id, key]).sort()).toEqual([
    ["live-ahead", "newer"],
    ["live-differs", "other"],
    ["live-missing-in-database", "lost"],
    ["live-missing-in-memory", '["nobody"]'],
    ["live-stale", "older"],
  ]);
});

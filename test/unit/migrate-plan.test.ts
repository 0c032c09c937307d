import { expect, test } from "vitest";
import { planUndo } from "../../src/migrate/down.js";
import type { MigrationFile } from "../../src/migrate/files.js";
import type { MigrationHistory, MigrationRecord, MigrationRun } from "../../src/migrate/history.js";
import { environmentToMark } from "../../src/migrate/mark.js";
import { assertRunnable, planMigrations } from "../../src/migrate/plan.js";
import { listMigrations } from "../../src/migrate/status.js";

const files = ["0001_users", "0002_rooms", "0003_rooms-index"].map(fileOf);

function fileOf(name: string): MigrationFile {
  const file = (ending: string) => ({ path: `/m/${name}.${ending}.sql`, sql: "SELECT 1" });
  return {
    name,
    version: BigInt(Number.parseInt(name, 10)),
    layout: "pair",
    up: file("up"),
    down: file("down"),
    checksum: `sum of ${name}`,
  };
}

function historyOf(...records: readonly MigrationRecord[]): MigrationHistory {
  return { records, isMigratorAtWork: false };
}

function applied(name: string, position: number, checksum: string | null = `sum of ${name}`): MigrationRecord {
  return { name, isApplied: true, position, appliedAt: new Date(0), checksum, lastRun: run("up", "done") };
}

function attempted(name: string, lastRun: MigrationRun): MigrationRecord {
  return { name, isApplied: false, position: null, appliedAt: null, checksum: null, lastRun };
}

function run(direction: "up" | "down", state: MigrationRun["state"], attempt = 1): MigrationRun {
  return {
    direction,
    state,
    attempt,
    startedAt: new Date(0),
    finishedAt: null,
    error: null,
    toolVersion: "0.1.0",
    isRedo: false,
    isFake: false,
    isTransactional: true,
    statements: 1,
    statementReached: 0,
    statementsDone: 0,
    doneChecksum: null,
    beforeStatement: null,
    schemaFingerprint: null,
  };
}

const stepNames = (plan: { steps: readonly { name: string }[] }) => plan.steps.map(({ name }) => name);

test("what is not applied is planned in order, up to a name, a number, a beginning or a count", () => {
  expect(stepNames(planMigrations(files, historyOf(applied("0001_users", 1))))).toEqual([
    "0002_rooms",
    "0003_rooms-index",
  ]);
  for (const to of ["0002_rooms", "2", "0002", "0002_"]) {
    expect(stepNames(planMigrations(files, historyOf(), { to }))).toEqual(["0001_users", "0002_rooms"]);
  }
  expect(stepNames(planMigrations(files, historyOf(), { count: 1 }))).toEqual(["0001_users"]);
  expect(stepNames(planMigrations(files, historyOf(applied("0001_users", 1)), { to: "1" }))).toEqual([]);
});

test.each([
  ["0002_room-index", "0002_rooms, 0003_rooms-index"],
  ["000", "0001_users, 0002_rooms, 0003_rooms-index"],
  ["9", "0001_users, 0002_rooms, 0003_rooms-index"],
])("%j names no migration, and the near ones are offered", (to, near) => {
  expect(() => planMigrations(files, historyOf(), { to })).toThrow(
    expect.objectContaining({ code: "E_UNKNOWN_MIGRATION", hint: `use one of: ${near}` }),
  );
});

test("an edited file is a finding, and stops a run", () => {
  const plan = planMigrations(files, historyOf(applied("0001_users", 1, "another sum")));
  expect(plan.findings).toMatchObject([{ kind: "edited", migration: "0001_users" }]);
  expect(() => assertRunnable(plan)).toThrow(expect.objectContaining({ code: "E_MIGRATION_EDITED", exitCode: 12 }));
});

test("a migration that node-pg-migrate applied before roomctl kept checksums counts as unedited", () => {
  expect(planMigrations(files, historyOf(applied("0001_users", 1, null))).findings).toEqual([]);
});

test("a late migration stops a run unless it is allowed, and is then planned in its place", () => {
  const history = historyOf(applied("0001_users", 1), applied("0003_rooms-index", 2));
  const plan = planMigrations(files, history);
  expect(plan.findings).toMatchObject([{ kind: "out-of-order", migration: "0002_rooms" }]);
  expect(() => assertRunnable(plan)).toThrow(expect.objectContaining({ code: "E_MIGRATION_ORDER", exitCode: 12 }));
  expect(planMigrations(files, history, { allowOutOfOrder: true }).refusal).toBeNull();
  expect(stepNames(plan)).toEqual(["0002_rooms"]);
});

test("an applied migration without its file is a finding that stops nothing", () => {
  const plan = planMigrations(files.slice(0, 1), historyOf(applied("0001_users", 1), applied("0009_gone", 2)));
  expect(plan.findings).toMatchObject([{ kind: "missing-file", migration: "0009_gone" }]);
  expect(plan.refusal).toBeNull();
});

test("an empty file is a finding, and stops a run that reaches it", () => {
  const empty = { ...fileOf("0002_rooms"), up: { path: "/m/0002_rooms.up.sql", sql: "-- later", statements: [] } };
  const all = [fileOf("0001_users"), empty];
  const plan = planMigrations(all, historyOf());
  expect(plan.findings).toMatchObject([{ kind: "empty", migration: "0002_rooms" }]);
  expect(plan.refusal).toMatchObject({ code: "E_USAGE", migration: "0002_rooms" });
  expect(planMigrations(all, historyOf(), { to: "1" }).refusal).toBeNull();
});

test.each([
  ["localhost", "default", "development"],
  ["127.0.0.1", "default", "development"],
  ["::1", "default", "development"],
  ["/var/run/postgresql", "default", "development"],
  ["db.example.org", "default", undefined],
  ["127.0.0.1.example.org", "default", undefined],
  ["10.0.0.7", "default", undefined],
  ["db.example.org", "ROOMCTL_ENV", "development"],
  ["db.example.org", "roomctl.config.json: environment", "development"],
] as const)("an empty database at %s, with an environment from %s, is marked %s", (host, origin, marked) => {
  expect(environmentToMark(host, { value: "development", origin })).toBe(marked);
});

test("an interrupted run is a finding, and its migration is planned again as the next try", () => {
  const history = historyOf(attempted("0001_users", run("up", "running", 2)));
  const plan = planMigrations(files, history, { count: 1 });
  expect(plan.findings).toMatchObject([{ kind: "interrupted", migration: "0001_users" }]);
  expect(plan.steps).toMatchObject([{ name: "0001_users", attempt: 3 }]);
  expect(planMigrations(files, { ...history, isMigratorAtWork: true }).findings).toEqual([]);
});

test("status says of each migration what it is", () => {
  const history = historyOf(
    applied("0001_users", 1, "another sum"),
    applied("0000_gone", 2),
    attempted("0002_rooms", run("up", "running")),
    attempted("0003_rooms-index", { ...run("up", "failed"), error: "no" }),
  );
  expect(listMigrations(files, history).map(({ name, state, error }) => [name, state, error])).toEqual([
    ["0000_gone", "missing file", null],
    ["0001_users", "edited", null],
    ["0002_rooms", "interrupted", null],
    ["0003_rooms-index", "failed", "no"],
  ]);
});

test("undoing goes newest first in the order of application, one unless told", () => {
  const history = historyOf(applied("0001_users", 1), applied("0003_rooms-index", 2), applied("0002_rooms", 3));
  const names = (range: object) => planUndo(files, history, range).map(({ name }) => name);
  expect(names({})).toEqual(["0002_rooms"]);
  expect(names({ count: 2 })).toEqual(["0002_rooms", "0003_rooms-index"]);
  expect(names({ to: "1" })).toEqual(["0002_rooms", "0003_rooms-index"]);
  expect(() => names({ to: "0002_zzz" })).toThrow(expect.objectContaining({ code: "E_UNKNOWN_MIGRATION" }));
});

test("undoing is refused where a down file or every file is missing", () => {
  const withoutDown = files.map(({ down: _down, ...file }) => file);
  expect(() => planUndo(withoutDown, historyOf(applied("0001_users", 1)), {})).toThrow(/no down file/);
  expect(() => planUndo(files, historyOf(applied("0009_gone", 1)), {})).toThrow(/its files are not here/);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../../src/cli/config.js";
import { chooseDatabase } from "../../src/cli/database.js";
import { repeatCommand } from "../../src/cli/repeat.js";
import { resolveSettings } from "../../src/cli/settings.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "roomctl-config-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function inputs(environment: Record<string, string> = {}, flags: Record<string, string | boolean> = {}) {
  return {
    input: { flags, typed: new Set(Object.keys(flags)) },
    environment,
    config: await readConfig(undefined, folder),
    workingDirectory: folder,
  };
}

test("without a file the reference app is in force", async () => {
  const config = await readConfig(undefined, folder);
  expect(config.path).toBeUndefined();
  expect(config.app.scopes.map((scope) => scope.name)).toContain("rooms");
});

test.each([
  ["roomctl.config.json", '{ "database": "postgresql://h/app" }'],
  ["roomctl.config.mjs", 'export default { database: "postgresql://h/app" };'],
  ["roomctl.config.ts", 'const database: string = "postgresql://h/app"; export default { database };'],
])("%s is read", async (name, text) => {
  writeFileSync(join(folder, name), text);
  const choice = chooseDatabase(await inputs());
  expect(choice).toMatchObject({ origin: `${name}: database`, target: { host: "h", database: "app" } });
});

test.each([
  ['{ "databse": "x" }', /databse: Unrecognized key/],
  ['{ "environment": "prod" }', /environment: Invalid option/],
  ['{ "app": { "scopes": [{ "name": "Rooms!", "summary": "x" }] } }', /app\.scopes\.0\.name: lower-case/],
  [
    '{ "app": { "scopes": [{ "name": "a", "summary": "x", "tables": ["ok", "a.b.c"] }] } }',
    /app\.scopes\.0\.tables\.1: write it as/,
  ],
  [
    '{ "app": { "scopes": [{ "name": "a", "summary": "x", "includes": ["zz"] }] } }',
    /app\.scopes\.0\.includes\.0: there is no scope "zz"/,
  ],
  [
    '{ "app": { "scopes": [{ "name": "a", "summary": "x", "includes": ["b"] }, { "name": "b", "summary": "x", "includes": ["a"] }] } }',
    /app\.scopes\.0\.includes: it includes itself/,
  ],
  ['{ "app": { "scopes": [{ "name": "a", "summary": "x" }, { "name": "a", "summary": "y" }] } }', /two scopes "a"/],
  ["{ nonsense", /cannot read the configuration/],
  ["", /is empty/],
  ["null", /is empty/],
])("the broken configuration %s is refused by its key", async (text, message) => {
  writeFileSync(join(folder, "roomctl.config.json"), text);
  await expect(readConfig(undefined, folder)).rejects.toMatchObject({
    code: "E_CONFIG",
    message: expect.stringMatching(message),
  });
});

test("an app of its own replaces the reference app as a whole, with paths from the file's folder", async () => {
  writeFileSync(
    join(folder, "roomctl.config.json"),
    '{ "app": { "migrations": "db", "scopes": [{ "name": "games", "summary": "g", "tables": ["games"] }] } }',
  );
  const { app } = await readConfig(undefined, folder);
  expect(app.migrationsDirectory).toBe(join(folder, "db"));
  expect(app.states).toEqual([]);
  expect(app.scopes.map((scope) => scope.name)).toEqual(["games"]);
});

test("a flag wins over the variable, the variable over the file, the file over the default", async () => {
  expect(resolveSettings(await inputs()).lockTimeoutMs).toEqual({ value: 3000, origin: "default" });
  writeFileSync(join(folder, "roomctl.config.json"), '{ "lockTimeout": "4s", "repo": "kept" }');
  expect(resolveSettings(await inputs()).lockTimeoutMs).toEqual({
    value: 4000,
    origin: "roomctl.config.json: lockTimeout",
  });
  expect(resolveSettings(await inputs()).backupRepository.value).toBe(join(folder, "kept"));
  const variable = { ROOMCTL_LOCK_TIMEOUT: "5s" };
  expect(resolveSettings(await inputs(variable)).lockTimeoutMs).toEqual({
    value: 5000,
    origin: "ROOMCTL_LOCK_TIMEOUT",
  });
  expect(resolveSettings(await inputs(variable, { lockTimeout: "6s" })).lockTimeoutMs).toEqual({
    value: 6000,
    origin: "flag --lock-timeout",
  });
});

test("the database is taken from the strongest source that names one", async () => {
  writeFileSync(join(folder, ".env"), "DATABASE_URL=postgresql://dotenv/db\nPGHOST=ignored\n");
  const origin = async (environment: Record<string, string>, flags: Record<string, string | boolean> = {}) =>
    chooseDatabase(await inputs(environment, flags))?.origin;
  expect(await origin({})).toBe(".env: DATABASE_URL");
  expect(await origin({ PGHOST: "h" })).toBe("PG* variables");
  expect(await origin({ PGHOST: "h", DATABASE_URL: "postgresql://h/db" })).toBe("DATABASE_URL");
  writeFileSync(join(folder, "roomctl.config.json"), '{ "database": "embedded" }');
  expect(await origin({ DATABASE_URL: "postgresql://h/db" })).toBe("roomctl.config.json: database");
  expect(await origin({ ROOMCTL_EMBEDDED: "1" })).toBe("ROOMCTL_EMBEDDED");
  expect(await origin({ ROOMCTL_EMBEDDED: "1" }, { databaseUrl: "postgresql://h/db" })).toBe("flag --database-url");
  // Past a pooler; but who types another database means that one.
  const pooled = { ROOMCTL_DIRECT_URL: "postgresql://h/db", ROOMCTL_DATABASE_URL: "postgresql://pooler/db" };
  expect(await origin(pooled)).toBe("ROOMCTL_DIRECT_URL");
  expect(await origin(pooled, { databaseUrl: "postgresql://other/db" })).toBe("flag --database-url");
  expect(await origin({}, { databaseUrl: "postgresql://pooler/db", directUrl: "postgresql://h/db" })).toBe(
    "flag --direct-url",
  );
});

test("a typed --embedded wins over a variable that names a database, also when its own variable is set", async () => {
  const environment = { ROOMCTL_EMBEDDED: "1", ROOMCTL_DATABASE_URL: "postgresql://production/app" };
  const choice = chooseDatabase(await inputs(environment, { embedded: true }));
  expect(choice).toEqual({ kind: "embedded", origin: "flag --embedded" });
});

test("a typed value that equals its variable is still the typed one", async () => {
  const given = await inputs({ ROOMCTL_LOCK_TIMEOUT: "5s" }, { lockTimeout: "5s" });
  expect(resolveSettings(given).lockTimeoutMs).toEqual({ value: 5000, origin: "flag --lock-timeout" });
});

test("a command to type next carries what chose the database, the folders and the configuration, and no password", () => {
  const flags = {
    databaseUrl: "postgresql://ops:s3cret@db/it's?sslmode=require&password=s3cret",
    config: "my config.json",
    repo: "/var/backups",
    dir: "db/migrations",
    lockTimeout: "9s",
  };
  const line = { flags, typed: new Set(["databaseUrl", "config", "repo", "lockTimeout"]) };
  const chosen = `--database-url 'postgresql://ops@db/it'\\''s?sslmode=require&' --config 'my config.json'`;
  expect(repeatCommand("roomctl wipe --confirm", line)).toBe(`roomctl wipe --confirm ${chosen} --repo /var/backups`);
  expect(repeatCommand("roomctl migrate", line)).toBe(`roomctl migrate ${chosen}`);
  expect(repeatCommand("roomctl audit", { flags: { embedded: true }, typed: new Set(["embedded"]) })).toBe(
    "roomctl audit --embedded",
  );
  expect(repeatCommand("roomctl audit", { flags: { embedded: true }, typed: new Set() })).toBe("roomctl audit");
});

test("nothing that names a database gives none", async () => {
  expect(chooseDatabase(await inputs({ HOME: "/root" }))).toBeUndefined();
});

test.each([
  [{}, "development", "default"],
  [{ NODE_ENV: "production" }, "production", "NODE_ENV"],
  [{ NODE_ENV: "test" }, "development", "NODE_ENV"],
  [{ NODE_ENV: "qa" }, "staging", "NODE_ENV"],
  [{ NODE_ENV: "production", ROOMCTL_ENV: "staging" }, "staging", "ROOMCTL_ENV"],
] as const)("the environment of %j is %s", async (environment, value, origin) => {
  expect(resolveSettings(await inputs(environment)).environment).toEqual({ value, origin });
});

test("an unknown ROOMCTL_ENV is refused", async () => {
  const given = await inputs({ ROOMCTL_ENV: "prod" });
  expect(() => resolveSettings(given)).toThrow(/unknown environment "prod"/);
});

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { serverUser } from "../../src/db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { statementFailure } from "../../src/db/failure.js";
import { withLock } from "../../src/db/lock.js";
import { openDatabase } from "../../src/db/pool.js";
import { type DatabaseTarget, formatTarget, parseTarget, type SslMode } from "../../src/db/target.js";
import { freePort, hasPgbouncer, startPgbouncer } from "../support/pgbouncer.js";
import { createScratchDatabase, serverTarget } from "../support/postgres.js";

const folders: string[] = [];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-connection-"));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  delete process.env["PGPASSFILE"];
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("nobody listening is E_CONNECT and names the place", async () => {
  const target = { ...(await serverTarget()), port: await freePort() };
  await expect(openDatabase(target)).rejects.toMatchObject({
    code: "E_CONNECT",
    message: expect.stringContaining(`127.0.0.1:${target.port}`),
  });
});

test("a wrong password is E_AUTHENTICATION and does not show it", async () => {
  const target = { ...(await serverTarget()), password: "wr0ng-password" };
  const failure = await openDatabase(target).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "E_AUTHENTICATION" });
  expect(JSON.stringify(failure) + String(failure)).not.toContain("wr0ng-password");
});

test("a password that nobody gave is asked for in words, and no socket is left open", async () => {
  const { password: _none, ...target } = await serverTarget();
  await expect(openDatabase(target)).rejects.toMatchObject({
    code: "E_AUTHENTICATION",
    message: expect.stringContaining("asks for a password, and there is none"),
  });
  const countSockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  await vi.waitFor(() => expect(countSockets()).toBe(0), { timeout: 120_000 });
});

test("a URL that is printed can be read back, whatever the database is called", async () => {
  await using scratch = await createScratchDatabase({ name: `x'; drop/table "q"? #1 & 100%` });
  const read = parseTarget(formatTarget(scratch.target), { PGPASSWORD: scratch.target.password });
  await using database = await openDatabase(read);
  const [row] = await database.query("SELECT current_database() AS name");
  expect(row).toEqual({ name: scratch.target.database });
});

test("a database that does not exist is named, with the command that makes it", async () => {
  const target = { ...(await serverTarget()), database: "it's missing" };
  await expect(openDatabase(target)).rejects.toMatchObject({
    code: "E_NO_SUCH_DATABASE",
    hint: expect.stringContaining(`'it'\\''s missing'`),
  });
});

test("the password may come from PGPASSFILE", async () => {
  const { password, ...target } = await serverTarget();
  const file = join(temporaryFolder(), "pgpass");
  writeFileSync(file, `127.0.0.1:${target.port}:*:${target.user}:${password}\n`, { mode: 0o600 });
  process.env["PGPASSFILE"] = file;
  await using database = await openDatabase(target);
  expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("hostile database names work", async () => {
  await using scratch = await createScratchDatabase({ name: `we"ird 'db\n${"x".repeat(40)}` });
  await using database = await scratch.open();
  const [row] = await database.query("SELECT current_database() AS name");
  expect(row).toEqual({ name: scratch.target.database });
});

test("a server that ends the session mid-statement is E_CONNECTION_LOST, and the next statement works again", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open();
  const sleeping = database.query("SELECT pg_sleep(30)").catch((error: unknown) => statementFailure(error));
  const end =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'";
  await vi.waitFor(async () => expect(await other.query(end)).toHaveLength(1), { timeout: 120_000 });
  expect(await sleeping).toMatchObject({ code: "E_CONNECTION_LOST" });
  expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test.runIf(hasPgbouncer)(
  "a pooler in transaction mode is refused where a lock is needed, and fine where none is",
  async () => {
    await using scratch = await createScratchDatabase();
    await using pooler = await startPgbouncer(scratch.target);
    await using database = await openDatabase(pooler.target);
    expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    const locked = withLock(database, "change", { waitMs: 0 }, async () => undefined);
    await expect(locked).rejects.toMatchObject({
      code: "E_POOLER",
      hint: expect.stringContaining("--direct-url"),
    });
  },
);

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

test.runIf(hasOpenssl)("TLS modes behave as libpq's against a server with and without TLS", async () => {
  const plain = await serverTarget();
  const folder = temporaryFolder();
  const directory = join(folder, "server");
  const { target, dataDirectory } = await startEmbedded({ directory, settings: { fsync: "off" } });
  try {
    const authority = installCertificate(dataDirectory, folder);
    await using administrator = await openDatabase(target);
    await administrator.execute("ALTER SYSTEM SET ssl = on");
    await administrator.execute("SELECT pg_reload_conf()");

    const preferred = { ...target, sslMode: "prefer" } as const;
    await vi.waitFor(async () => expect(await usesTls(preferred)).toBe(true), { timeout: 120_000 });
    expect(await usesTls({ ...target, sslMode: "require" })).toBe(true);
    expect(await usesTls({ ...target, sslMode: "disable" })).toBe(false);
    expect(await usesTls({ ...target, sslMode: "verify-ca", sslRootCert: authority })).toBe(true);
    // The certificate is for "localhost": 127.0.0.1 is another name.
    expect(await usesTls({ ...target, sslMode: "verify-full", sslRootCert: authority, host: "localhost" })).toBe(true);
    await expect(usesTls({ ...target, sslMode: "verify-full", sslRootCert: authority })).rejects.toMatchObject({
      code: "E_CONNECT",
    });

    expect(await usesTls({ ...plain, sslMode: "prefer" })).toBe(false);
    await expect(usesTls({ ...plain, sslMode: "require" })).rejects.toMatchObject({ code: "E_CONNECT" });
  } finally {
    await destroyEmbedded({ directory });
  }
});

async function usesTls(target: DatabaseTarget & { readonly sslMode: SslMode }): Promise<boolean> {
  await using database = await openDatabase(target);
  const [row] = await database.query<{ ssl: boolean }>("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
  return row?.ssl ?? false;
}

/** A self-signed certificate for localhost, where the server looks for it. Returns the authority's file. */
function installCertificate(dataDirectory: string, folder: string): string {
  const key = join(dataDirectory, "server.key");
  const certificate = join(dataDirectory, "server.crt");
  const words = [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "1",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
  ];
  execFileSync("openssl", [...words, "-keyout", key, "-out", certificate], { stdio: "ignore" });
  chmodSync(key, 0o600);
  const user = serverUser();
  if (user) for (const file of [key, certificate]) chownSync(file, user.uid, user.gid);
  const authority = join(folder, "authority.crt");
  execFileSync("cp", [certificate, authority]);
  return authority;
}

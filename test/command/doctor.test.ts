import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { freePort, hasPgbouncer, startPgbouncer } from "../support/pgbouncer.js";
import { createScratchDatabase } from "../support/postgres.js";

interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  readonly hint?: string;
}

async function examine(databaseUrl: string | undefined, environment: Readonly<Record<string, string>> = {}) {
  const result = await runRoomctl(["doctor", "--json"], { databaseUrl, environment });
  const { checks } = result.json<{ checks: Check[] }>();
  return { status: result.status, byName: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

test("a migrated database is well, and what is missing is a warning with the command to type", async () => {
  await using scratch = await createScratchDatabase();
  const before = await examine(scratch.url);
  expect(before.status).toBe(0);
  expect(before.byName["migrations"]).toMatchObject({
    status: "warning",
    detail: "0 applied, 7 pending",
    hint: "roomctl migrate",
  });
  expect(before.byName["backups"]).toMatchObject({ status: "warning", hint: "roomctl backup create" });
  await runRoomctl(["migrate"], { databaseUrl: scratch.url });
  const after = await examine(scratch.url);
  expect(after.byName["migrations"]).toMatchObject({ status: "ok", detail: "7 applied, 0 pending" });
  expect(after.byName["marker"]?.detail).toContain("development");
});

test("no database, and one that does not answer, are failed checks and not the end of the examination", async () => {
  const none = await examine(undefined);
  expect(none).toMatchObject({
    status: 3,
    byName: { connection: { status: "failed", detail: "no database is configured" } },
  });
  expect(none.byName["backups"]).toBeDefined();
  const silent = await examine(`postgresql://app:s3cret@127.0.0.1:${await freePort()}/db`);
  expect(silent).toMatchObject({ status: 3, byName: { connection: { status: "failed" } } });
  expect(JSON.stringify(silent)).not.toContain("s3cret");
});

test("a backup folder that is none is a failed check", async () => {
  await using scratch = await createScratchDatabase();
  const { status, byName } = await examine(scratch.url, { ROOMCTL_REPO: "/etc/passwd" });
  expect({ status, backups: byName["backups"]?.status }).toEqual({ status: 3, backups: "failed" });
});

test.runIf(hasPgbouncer)("a pooler in transaction mode is a failed check", async () => {
  await using scratch = await createScratchDatabase();
  await using pooler = await startPgbouncer(scratch.target);
  const { status, byName } = await examine(scratch.url.replace(`:${scratch.target.port}/`, `:${pooler.target.port}/`));
  expect({ status, pooler: byName["pooler"]?.status }).toEqual({ status: 3, pooler: "failed" });
});

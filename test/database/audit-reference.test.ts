import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { auditDatabase } from "../../src/audit/database.js";
import { packageRoot } from "../../src/core/package-root.js";
import { referenceApp } from "../../src/core/reference-app.js";
import type { Database } from "../../src/db/pool.js";
import { readTables } from "../../src/db/schema.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

async function migrate(database: Database): Promise<void> {
  const directory = join(packageRoot, "migrations");
  const files = readdirSync(directory).filter((name) => name.endsWith(".up.sql"));
  for (const file of files.sort()) await database.execute(readFileSync(join(directory, file), "utf8"));
}

async function migratedDatabase(server?: (typeof serverNames)[number]) {
  const scratch = await createScratchDatabase({ server });
  const database = await scratch.open();
  await migrate(database);
  return {
    database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

async function findingOf(database: Database, id: string) {
  return (await auditDatabase(database, referenceApp)).findings.find((finding) => finding.id === id);
}

describe.each(serverNames)("on %s", (server) => {
  test("a freshly migrated database has no finding", async () => {
    await using migrated = await migratedDatabase(server);
    const { ok, states, findings } = await auditDatabase(migrated.database, referenceApp);
    expect(findings).toEqual([]);
    expect(ok).toBe(true);
    expect(states.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    expect(states.filter(({ survivesRestart }) => survivesRestart === "no").map(({ name }) => name)).toEqual([
      "presence",
      "active invites",
      "seen in session",
    ]);
  });

  test("an empty database misses every table, and the hint is to migrate", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const { ok, states, findings } = await auditDatabase(database, referenceApp);
    expect(ok).toBe(false);
    expect(states.filter(({ table }) => table !== null).map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 19 }, () => "table missing"),
    );
    expect(new Set(findings.map(({ id, hint }) => `${id}: ${hint}`))).toEqual(
      new Set(["table-missing: roomctl migrate"]),
    );
    expect(findings.find(({ subject }) => subject === "users")?.why).toContain("timer totals: totals go stale");
  });

  test("the demonstration data holds what it says: three half registered cards, dead rooms, nothing else", async () => {
    await using migrated = await migratedDatabase(server);
    await migrated.database.execute(readFileSync(join(packageRoot, "demo", "seed.sql"), "utf8"));
    const { states, findings } = await auditDatabase(migrated.database, referenceApp);
    expect(findings.map(({ id, severity, count }) => ({ id, severity, count }))).toEqual([
      { id: "usc-finalize-never-ran", severity: "error", count: 3 },
      { id: "rooms-grace-expired", severity: "warning", count: expect.any(Number) },
      { id: "rooms-stale", severity: "warning", count: 10 },
    ]);
    expect(states.find(({ name }) => name === "active rooms")).toMatchObject({
      rows: 300,
      newestWriteColumn: "updated_at",
    });
  });
});

test("the shapes are those of the migrated tables, column by column", async () => {
  await using migrated = await migratedDatabase();
  const tables = await readTables(migrated.database);
  const actual = tables.map(({ name, columns }) => [
    name,
    Object.fromEntries(columns.map((one) => [one.name, one.type])),
  ]);
  expect(referenceApp.shapes).toEqual(Object.fromEntries(actual));
});

test("every table of the catalogue has a shape, and every check can be run", async () => {
  const tables = new Set(Object.keys(referenceApp.shapes));
  const needed = [
    ...referenceApp.states.flatMap(({ table }) => table ?? []),
    ...referenceApp.checks.flatMap(({ needs }) => needs),
  ];
  expect(needed.filter((table) => !tables.has(table))).toEqual([]);
  expect(new Set(referenceApp.checks.map(({ id }) => id)).size).toBe(referenceApp.checks.length);
});

const [ann, ben, cleo] = ["a", "b", "c"].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`);
const people = `INSERT INTO users (user_id, created_at, updated_at) SELECT id, now() - interval '3 hours', now() - interval '2 hours' FROM unnest('{${ann},${ben},${cleo}}'::uuid[]) AS id;`;
const room = (id: number, rest: string) =>
  `INSERT INTO active_rooms (room_id, user_1, user_2, chat_mode, updated_at, status, grace_expires_at, owner_epoch) VALUES ('${String(id).repeat(8)}-0000-4000-8000-000000000000', ${rest});`;

/** What the rows must look like for each check to speak, and rows beside them of which it must not. */
const planted: readonly { readonly id: string; readonly rows: string; readonly cases: readonly string[] }[] = [
  {
    id: "usc-finalize-never-ran",
    rows: `UPDATE users SET usc_id = '1' WHERE user_id = '${ann}'; INSERT INTO usc_card_registrations VALUES ('1', '${ann}'), ('2', '${ben}');
           UPDATE users SET usc_id = '3' WHERE user_id = '${cleo}'`,
    cases: [`card 2 is registered, but user ${ben} has no card`, `user ${cleo} has card 3, but it is not registered`],
  },
  {
    id: "usc-onboarding-unfinished",
    rows: `UPDATE users SET selfie_url = 's'; UPDATE users SET video_url = 'v' WHERE user_id IN ('${ann}', '${ben}'); UPDATE users SET updated_at = now() WHERE user_id = '${ben}'`,
    cases: [expect.stringContaining(`user ${ann}, since`)],
  },
  {
    id: "usc-card-only-scanned",
    rows: "INSERT INTO usc_scan_attempts (usc_id, ip, outcome, at) VALUES ('7', '::1', 'accepted', now() - interval '2 hours'), ('8', '::1', 'accepted', now()), ('9', '::1', 'invalid', now() - interval '2 hours')",
    cases: [expect.stringContaining("card 7, scanned")],
  },
  {
    id: "usc-email-unverified",
    rows: `UPDATE users SET account_type = 'permanent', usc_id = name || user_id, email = user_id || '@USC.edu'; UPDATE users SET email_verified_at = now() WHERE user_id <> '${cleo}';
           INSERT INTO usc_card_registrations (usc_id, user_id) SELECT usc_id, user_id FROM users`,
    cases: [`user ${cleo}`],
  },
  {
    id: "rooms-stale",
    rows: `INSERT INTO server_instances (epoch, host, pid, heartbeat_at) VALUES (1, 'h', 1, now() - interval '11 minutes'), (2, 'h', 1, now());
           ${room(1, `'${ann}', '${ben}', 'text', now() - interval '11 minutes', 'active', NULL, 1`)}
           ${room(2, `'${ben}', '${ann}', 'text', now() - interval '11 minutes', 'active', NULL, 2`)}
           ${room(3, `'${ben}', '${cleo}', 'text', now() - interval '11 minutes', 'ended', NULL, 1`)}
           ${room(4, `'${cleo}', '${ann}', 'text', now() - interval '9 minutes', 'active', NULL, 1`)}`,
    cases: [expect.stringContaining("room 11111111-")],
  },
  {
    id: "rooms-grace-expired",
    rows: `${room(1, `'${ann}', '${ben}', 'text', now(), 'grace_period', now() - interval '1 minute', 1`)}
           ${room(2, `'${ben}', '${cleo}', 'text', now(), 'grace_period', now() - interval '1 second', 1`)}`,
    cases: [expect.stringContaining("room 11111111-")],
  },
  {
    id: "user-in-several-rooms",
    rows: `${room(1, `'${ann}', '${ben}', 'text', now(), 'active', NULL, 1`)} ${room(2, `'${cleo}', '${ann}', 'text', now(), 'active', NULL, 1`)}
           ${room(3, `'${cleo}', '${ben}', 'text', now(), 'ended', NULL, 1`)}`,
    cases: [`user ${ann} is in 2 rooms`],
  },
  {
    id: "banned-user-in-room",
    rows: `${room(1, `'${ann}', '${ben}', 'text', now(), 'active', NULL, 1`)}
           INSERT INTO user_bans (user_id, kind, reason, lifted_at) VALUES ('${ann}', 'permanent', 'r', now()), ('${ben}', 'permanent', 'r', NULL)`,
    cases: [`user ${ben} in room 11111111-0000-4000-8000-000000000000`],
  },
  {
    id: "cooldown-missing",
    rows: `INSERT INTO session_completions (user_id, partner_user_id, room_id, duration_seconds, completed_at)
           SELECT one::uuid, other::uuid, gen_random_uuid(), 1, now() - ago FROM (VALUES
             ('${ann}', '${ben}', interval '2 hours'), ('${ben}', '${ann}', interval '2 hours'), ('${ann}', '${cleo}', interval '2 hours'),
             ('${cleo}', '${ben}', interval '25 hours')) AS call (one, other, ago);
           INSERT INTO cooldowns VALUES ('${ann}', '${cleo}', now() + interval '22 hours')`,
    cases: [expect.stringContaining(`users ${ann} and ${ben}, met`)],
  },
  {
    id: "messages-without-room",
    rows: `${room(1, `'${ann}', '${ben}', 'text', now(), 'active', NULL, 1`)}
           INSERT INTO text_chat_messages (room_id, sender_user_id, body, sequence, sent_at)
           SELECT (repeat(n::text, 8) || '-0000-4000-8000-000000000000')::uuid, '${ann}', 'b', 1, now() - CASE n WHEN 2 THEN interval '0' ELSE interval '1 hour' END FROM generate_series(1, 3) n`,
    cases: ["room 33333333-0000-4000-8000-000000000000, 1 messages"],
  },
  {
    id: "notification-without-link",
    rows: `INSERT INTO referral_mappings VALUES ('held', '${ann}', NULL, 'A', 'B');
           INSERT INTO referral_notifications (target_user_id, referral_code, message, created_at) SELECT '${ann}', code, 'm', now() - interval '1 hour' FROM unnest('{held,lost}'::text[]) AS code`,
    cases: ["code lost"],
  },
  {
    id: "timer-total-short",
    rows: `INSERT INTO timer_sessions (user_id, ended_at, seconds) VALUES ('${ann}', now() - interval '1 hour', 60), ('${ben}', now() - interval '1 hour', 60);
           UPDATE users SET timer_total_seconds = 60 WHERE user_id = '${ben}'`,
    cases: [`user ${ann} is 60 s short`],
  },
];

describe("the check", () => {
  test.each(planted)("$id speaks of its own cases and of no others", async ({ id, rows, cases }) => {
    await using migrated = await migratedDatabase();
    await migrated.database.execute(people);
    expect(await findingOf(migrated.database, id)).toBeUndefined();
    await migrated.database.execute(rows);
    expect(await findingOf(migrated.database, id)).toMatchObject({ count: cases.length, cases });
  });

  test("has a planted case each", () => {
    expect(planted.map(({ id }) => id).sort()).toEqual(referenceApp.checks.map(({ id }) => id).sort());
  });
});

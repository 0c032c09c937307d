import { dirname, resolve } from "node:path";
import { z } from "zod";
import type { AppDefinition } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { referenceApp } from "../core/reference-app.js";
import { parseName } from "../db/identifier.js";
import { environments } from "../db/marker.js";

const table = z.string().refine(isTableName, 'write it as table, schema.table or "odd schema"."odd.table"');

const severity = z.enum(["error", "warning", "info"]);

const state = z.strictObject({
  name: z.string(),
  persistence: z.enum(["durable", "write-behind", "ephemeral"]),
  table: table.optional(),
  column: z.string().optional(),
  lossMeans: z.string(),
  priority: z.enum(["critical", "high", "medium", "low", "none"]).default("medium"),
  verdict: z.string().default("persist"),
  ephemeralBecause: z.string().optional(),
});

const scope = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/, "lower-case letters, digits and dashes"),
  summary: z.string(),
  tables: z.array(table).default([]),
  optionalTables: z.array(table).optional(),
  resets: z.array(z.strictObject({ table, column: z.string(), value: z.string() })).optional(),
  includes: z.array(z.string()).optional(),
});

const check = z.strictObject({
  id: z.string(),
  severity,
  title: z.string(),
  hint: z.string(),
  statement: z.string(),
  needs: z.array(table).default([]),
});

const recovery = z.strictObject({
  freshnessSeconds: z.number().positive().default(600),
  graceSeconds: z.number().positive().default(10),
  aliveSeconds: z.number().positive().default(90),
  roomsStatement: z.string(),
  recoverStatement: z.string(),
  endStatement: z.string(),
  fenceStatement: z.string(),
  serversStatement: z.string(),
  tables: z.array(z.string()),
  states: z.array(z.strictObject({ name: z.string(), table: z.string(), statement: z.string() })).default([]),
});

const subject = z.strictObject({
  name: z.enum(["room", "user", "test-users"]),
  summary: z.string(),
  rows: z.array(z.strictObject({ table, where: z.string().includes("{value}") })).min(1),
});

const guards = z.strictObject({
  protectedHosts: z.array(z.string()).optional(),
  protectedTables: z.array(table).optional(),
  ignoredClients: z.array(z.string()).optional(),
  liveStatement: z.string().optional(),
  liveUrl: z.url().optional(),
});

const app = z.strictObject({
  name: z.string().default("this app"),
  migrations: z.string().default("migrations"),
  seed: z.string().optional(),
  states: z.array(state).default([]),
  shapes: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  scopes: z.array(scope).default([]).superRefine(checkScopes),
  checks: z.array(check).default([]),
  subjects: z.array(subject).optional(),
  ages: z.record(table, z.string()).optional(),
  guards: guards.optional(),
  recovery: recovery.optional(),
});

const config = z.strictObject({
  database: z.string().optional(),
  environment: z.enum(environments).optional(),
  stateDir: z.string().optional(),
  repo: z.string().optional(),
  lockTimeout: z.string().optional(),
  lockWait: z.string().optional(),
  app: app.optional(),
});

function isTableName(text: string): boolean {
  try {
    parseName(text);
    return true;
  } catch {
    // Why it is none is said with the key that it stands under.
    return false;
  }
}

/** Each scope has a name of its own, and includes only scopes that there are, never itself by a detour. */
function checkScopes(scopes: readonly z.infer<typeof scope>[], context: z.RefinementCtx): void {
  const report = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
  const byName = new Map(scopes.map((one) => [one.name, one]));
  const reaches = (from: string, goal: string, seen: ReadonlySet<string>): boolean =>
    (byName.get(from)?.includes ?? []).some(
      (next) => next === goal || (!seen.has(next) && reaches(next, goal, new Set([...seen, next]))),
    );
  for (const [index, one] of scopes.entries()) {
    if (byName.get(one.name) !== one) report([index, "name"], `there are two scopes ${JSON.stringify(one.name)}`);
    for (const [at, included] of (one.includes ?? []).entries()) {
      if (included !== "*" && !byName.has(included))
        report([index, "includes", at], `there is no scope ${JSON.stringify(included)}`);
    }
    if (reaches(one.name, one.name, new Set())) report([index, "includes"], "it includes itself");
  }
}

/** Checks a configuration's content. Throws E_CONFIG that names the key and what is wrong with it. */
export function parseConfig(
  content: unknown,
  path: string,
): { values: Record<string, string | undefined>; app: AppDefinition } {
  const parsed = config.safeParse(content);
  if (!parsed.success) throw configError(parsed.error, path);
  const { app: given, ...values } = parsed.data;
  return { values, app: given ? toApp(given, dirname(path)) : referenceApp };
}

/** A configuration with an `app` replaces the reference app as a whole: two apps' tables never mix. */
function toApp(given: z.infer<typeof app>, directory: string): AppDefinition {
  const file = (name: string) => resolve(directory, name);
  const { migrations, seed, ...rest } = given;
  return {
    ...rest,
    checks: given.checks.map((entry) => ({ ...entry, statement: file(entry.statement) })),
    guards: given.guards && {
      ...given.guards,
      ...(given.guards.liveStatement === undefined ? {} : { liveStatement: file(given.guards.liveStatement) }),
    },
    recovery: given.recovery && {
      ...given.recovery,
      roomsStatement: file(given.recovery.roomsStatement),
      recoverStatement: file(given.recovery.recoverStatement),
      endStatement: file(given.recovery.endStatement),
      fenceStatement: file(given.recovery.fenceStatement),
      serversStatement: file(given.recovery.serversStatement),
      states: given.recovery.states.map((entry) => ({ ...entry, statement: file(entry.statement) })),
    },
    migrationsDirectory: file(migrations),
    seedFile: seed === undefined ? undefined : file(seed),
  };
}

function configError(error: z.ZodError, path: string): RoomctlError {
  const problems = error.issues.map((issue) => {
    const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
    const key = [...issue.path, ...keys].join(".") || "the whole file";
    return `${key}: ${issue.message}`;
  });
  return new RoomctlError("E_CONFIG", `${path}: ${problems.join("; ")}`, {
    hint: "correct the key; roomctl help configuration lists them all",
  });
}

import { dirname, resolve } from "node:path";
import { z } from "zod";
import type { AppDefinition } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { referenceApp } from "../core/reference-app.js";
import { environments } from "../db/marker.js";

const severity = z.enum(["error", "warning", "info"]);

const state = z.strictObject({
  name: z.string(),
  persistence: z.enum(["durable", "write-behind", "ephemeral"]),
  table: z.string().optional(),
  column: z.string().optional(),
  lossMeans: z.string(),
  priority: z.enum(["critical", "high", "medium", "low", "none"]).default("medium"),
  verdict: z.string().default("persist"),
  ephemeralBecause: z.string().optional(),
});

const scope = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/, "lower-case letters, digits and dashes"),
  summary: z.string(),
  tables: z.array(z.string()).default([]),
  optionalTables: z.array(z.string()).optional(),
  resets: z.array(z.strictObject({ table: z.string(), column: z.string(), value: z.string() })).optional(),
  includes: z.array(z.string()).optional(),
});

const check = z.strictObject({
  id: z.string(),
  severity,
  title: z.string(),
  hint: z.string(),
  statement: z.string(),
  needs: z.array(z.string()).default([]),
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

const app = z.strictObject({
  name: z.string().default("this app"),
  migrations: z.string().default("migrations"),
  seed: z.string().optional(),
  states: z.array(state).default([]),
  shapes: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  scopes: z.array(scope).default([]),
  checks: z.array(check).default([]),
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

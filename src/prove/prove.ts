import { RoomctlError } from "../core/errors.js";
import type { ParsedStatement } from "../db/parse.js";
import type { ScratchServer } from "../db/scratch.js";
import type { SchemaSnapshot } from "../db/snapshot.js";
import { type ParsedMigration, runScript } from "../migrate/build.js";
import { requireExtensions } from "../migrate/extensions.js";
import { changesServer, reachesOtherServers } from "../migrate/reach.js";
import { createNamedRoles } from "../migrate/roles.js";
import type { Script } from "../migrate/script.js";
import { runCheck, skipped } from "./checks.js";
import { openGround, type ProofGround } from "./ground.js";
import type { MigrationProof, ProofCheck, ProveOptions, ProveReport } from "./model.js";
import { notReached, proveOne } from "./one.js";
import { replayFindings } from "./replay.js";

/** What is proved, and what is only built for it to stand on. */
export interface ProofSet {
  readonly built: readonly ParsedMigration[];
  readonly proved: readonly ParsedMigration[];
}

/**
 * Proves of each migration, on the state that those before it built: that its second run changes nothing, that it can be
 * interrupted anywhere and run again, that an invalid index does not stop it, and that down and up lead there and back.
 * Throws E_MIGRATION_FAILED when one that is only built does not apply, E_EMBEDDED when the server lacks an extension,
 * E_DISK_FULL when its disk is full, and E_USAGE for what would change a server of the operator's own.
 */
export async function proveMigrations(
  server: ScratchServer,
  set: ProofSet,
  options: ProveOptions = {},
): Promise<ProveReport> {
  try {
    return await proveAll(server, set, options);
  } catch (error) {
    throw server.explain(error);
  }
}

async function proveAll(server: ScratchServer, set: ProofSet, options: ProveOptions): Promise<ProveReport> {
  const all = [...set.built, ...set.proved].map(withoutOtherServers);
  const built = all.slice(0, set.built.length);
  if (options.isSharedServer) refuseServerWide(all);
  await requireExtensions(server, all);
  await using ground = await openGround(server);
  await createNamedRoles(await ground.open(), all.flatMap(withDown));
  await build(ground, built, options);
  const { migrations, isComplete } = await proveEach(ground, all.slice(built.length), options);
  options.onProgress?.({ message: "running all of them a second time" });
  const fullReplay = await replay(ground, all, isComplete);
  const findings = [...migrations.flatMap(({ checks }) => checks), fullReplay].flatMap((check) => check.findings);
  const reached = migrations.filter(({ state }) => state !== "not-reached");
  return {
    server: server.description,
    builtCount: built.length,
    migrations,
    notRun: [...set.built, ...set.proved].flatMap(reachingOthers),
    fullReplay,
    findings,
    statementCount: reached.reduce((sum, { statementCount }) => sum + statementCount, 0),
    isProven: !findings.some(({ severity }) => severity === "error"),
  };
}

async function build(
  ground: ProofGround,
  built: readonly ParsedMigration[],
  { onProgress }: ProveOptions,
): Promise<void> {
  for (const [index, { file, up }] of built.entries()) {
    onProgress?.({ message: `building ${file.name}`, done: index, total: built.length });
    await runScript(await ground.connect(), file.name, up);
  }
}

interface ProvedEach {
  readonly migrations: readonly MigrationProof[];
  /** True when all of them apply. */
  readonly isComplete: boolean;
}

async function proveEach(
  ground: ProofGround,
  proved: readonly ParsedMigration[],
  { prefixes = "auto", rows = 3, looks = "quick", signal, onProgress }: ProveOptions,
): Promise<ProvedEach> {
  const migrations: MigrationProof[] = [];
  let isComplete = true;
  let before: SchemaSnapshot | undefined;
  for (const [index, migration] of proved.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ message: `proving ${migration.file.name}`, done: index, total: proved.length });
    if (!isComplete) {
      migrations.push(notReached(migration));
      continue;
    }
    const { proof, after, isApplied } = await proveOne(ground, migration, { before, prefixes, rows, looks });
    migrations.push(proof);
    isComplete = isApplied;
    before = after;
  }
  return { migrations, isComplete };
}

async function replay(ground: ProofGround, all: readonly ParsedMigration[], isComplete: boolean): Promise<ProofCheck> {
  if (!isComplete) return skipped("full-replay", "a migration does not apply");
  if (all.length < 2) return skipped("full-replay", "fewer than two migrations");
  return runCheck("full-replay", () => replayFindings(ground, all));
}

function withoutOtherServers({ file, up, down }: ParsedMigration): ParsedMigration {
  const without = (script: Script): Script => ({
    ...script,
    statements: script.statements.filter((statement) => !reachesOtherServers(statement)),
  });
  return { file, up: without(up), ...(down === undefined ? {} : { down: without(down) }) };
}

function reachingOthers({ up, down }: ParsedMigration): ProveReport["notRun"] {
  return [up, ...(down === undefined ? [] : [down])].flatMap(({ path, statements }) =>
    statements.filter(reachesOtherServers).map(({ line, text }) => ({ path, line, statement: text })),
  );
}

/** The roles that a down file names have to be there as well. */
function withDown(migration: ParsedMigration): readonly ParsedMigration[] {
  const { file, down } = migration;
  return down === undefined ? [migration] : [migration, { file, up: down }];
}

/** Databases are made and dropped on it, but roles, tablespaces and settings of the server would stay. */
function refuseServerWide(migrations: readonly ParsedMigration[]): void {
  for (const { up, down } of migrations) {
    for (const { path, statements } of down === undefined ? [up] : [up, down]) {
      const statement = statements.find((one) => changesServer(one) || changesRoles(one));
      if (statement === undefined) continue;
      throw new RoomctlError("E_USAGE", `${path}:${statement.line} would change the server of --scratch-url itself`, {
        hint: "leave --scratch-url out: a throw-away server of roomctl's own may be changed",
      });
    }
  }
}

function changesRoles({ node }: ParsedStatement): boolean {
  return (
    node !== undefined &&
    ["CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt"].some((kind) => kind in node)
  );
}

import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { Script } from "../migrate/script.js";
import { byStatement, findingAt, objectsOf, refusedAt, type Subject, verbOf } from "./finding.js";
import { type FollowedRun, followRun } from "./follow.js";
import { newSession, newSessionInside, refusalOf, runStatements } from "./ground.js";
import type { ProofFinding } from "./model.js";
import { type ProofState, type RowChange, readSequences, rowChanges, schemaChanges } from "./state.js";
import { mayMoveSequences, ownSequences, readWrites, useSequences } from "./writes.js";

/**
 * True when running the script once more, in a transaction that is rolled back, wrote nothing. False means no more than
 * that a closer look is due: a transaction of its own behind a COMMIT may go otherwise.
 */
export async function isQuietRerun(
  connection: Connection,
  script: Script,
  readAfter: () => Promise<SchemaSnapshot>,
): Promise<boolean> {
  let found: SchemaSnapshot | undefined;
  await connection.execute("BEGIN");
  try {
    const catalog = await rerunQuietly(connection, script);
    if (catalog === "loud") return false;
    if (catalog === "unwritten") return true;
    found = await readSchemaSnapshot(connection);
  } finally {
    await connection.execute("ROLLBACK");
    await newSession(connection);
  }
  return isSameSchema(await readAfter(), found);
}

/** `loud` when it failed, wrote rows or moved a sequence; else whether it wrote to the catalog. */
async function rerunQuietly(connection: Connection, script: Script): Promise<"loud" | "written" | "unwritten"> {
  const movesSequences = mayMoveSequences(script.statements);
  if (movesSequences) {
    await ownSequences(connection);
    await useSequences(connection);
  }
  const places = movesSequences ? await readSequences(connection) : new Map();
  const before = await readWrites(connection);
  if (await runStatements(connection, script.statements)) return "loud";
  if (await refusalOf(connection.execute("SET CONSTRAINTS ALL IMMEDIATE"))) return "loud";
  await newSessionInside(connection);
  const writes = await readWrites(connection);
  if (writes.rows !== before.rows) return "loud";
  if (movesSequences && !isSame(places, await readSequences(connection))) return "loud";
  return writes.catalog === before.catalog ? "unwritten" : "written";
}

/** Runs the script once more where it has run, for good, and says what that changed and which statement did it. */
export async function rerunFindings(connection: Connection, subject: Subject): Promise<readonly ProofFinding[]> {
  await ownSequences(connection);
  await useSequences(connection);
  const run = await followRun(connection, subject.script);
  return [
    ...(run.stop ? [failedFinding(subject, run.stop)] : []),
    ...schemaFindings(subject, run),
    ...rowFindings(subject, run),
    ...sequenceFindings(subject, run),
  ];
}

/** True when two snapshots hold the same. */
export function isSameSchema(first: SchemaSnapshot, second: SchemaSnapshot): boolean {
  return first === second || schemaChanges(first, second).length === 0;
}

function failedFinding(subject: Subject, stop: NonNullable<FollowedRun["stop"]>): ProofFinding {
  return refusedAt("rerun-fails", subject, {
    stop,
    what: "run again where it is applied, it fails",
    hint: "guard the statement: IF NOT EXISTS, IF EXISTS, OR REPLACE, or a DO block that looks in the catalog first",
  });
}

function schemaFindings(subject: Subject, run: FollowedRun): readonly ProofFinding[] {
  const changes = schemaChanges(run.before.schema, run.after.schema);
  return byStatement(changes, ({ object }) => run.schemaCulprit(object)).map(([statement, own]) => {
    const verb = own[0] === undefined ? "changes" : verbOf(own[0]);
    return findingAt("rerun-changes-schema", subject, {
      statement,
      changes: own,
      message: `run again where it is applied, it ${run.stop ? "" : "succeeds and "}${verb} ${objectsOf(own)}`,
      hint: "let one condition decide about all that belongs together: a DO block that looks in the catalog first",
    });
  });
}

function rowFindings(subject: Subject, run: FollowedRun): readonly ProofFinding[] {
  const changes = rowChanges(run.before, run.after);
  return byStatement(changes, ({ table }) => run.rowsCulprit(table)).flatMap(([statement, own]) => {
    const changed = own.filter(({ added, removed }) => added + removed > 0);
    const rewritten = own.filter(({ added, removed }) => added + removed === 0);
    return [
      ...(changed.length === 0
        ? []
        : [
            findingAt("rerun-changes-rows", subject, {
              statement,
              changes: changed.map((change) => rowsAsChange(change, run)),
              message: `run again where it is applied, it writes other rows: ${changed.map(rowWords).join(", ")}`,
              hint: "write only what is missing: ON CONFLICT DO NOTHING, or a WHERE that leaves out what is done",
            }),
          ]),
      ...(rewritten.length === 0
        ? []
        : [
            findingAt("rerun-rewrites-rows", subject, {
              statement,
              changes: rewritten.map((change) => rowsAsChange(change, run)),
              message: `run again where it is applied, it writes the same rows once more: ${rewritten.map(rowWords).join(", ")}`,
              hint: "leave out what is done with a WHERE: IS DISTINCT FROM the new value",
            }),
          ]),
    ];
  });
}

function rowWords({ table, added, removed, rewritten }: RowChange): string {
  if (added + removed === 0) return `${rewritten} of ${table}`;
  if (added === removed) return `${added} of ${table} changed`;
  return [
    ...(added > 0 ? [`${added} added to ${table}`] : []),
    ...(removed > 0 ? [`${removed} gone from ${table}`] : []),
  ].join(", ");
}

function rowsAsChange({ table }: RowChange, { before, after }: FollowedRun) {
  const rows = (state: ProofState) => `${state.tables.get(table)?.count ?? 0} rows`;
  return { object: `rows of ${table}`, expected: rows(before), found: rows(after) };
}

/** One that is set back hands out numbers that are taken; one that goes on only leaves a gap. */
function sequenceFindings(subject: Subject, run: FollowedRun): readonly ProofFinding[] {
  const moved = [...run.after.sequences]
    .map(([name, found]) => ({ object: `sequence ${name}`, name, expected: run.before.sequences.get(name), found }))
    .filter((move): move is typeof move & { expected: string | null } => move.expected !== undefined)
    .filter(({ expected, found }) => expected !== found);
  return moved.map(({ object, name, expected, found }) => {
    const isGap = expected !== null && found !== null && BigInt(found) > BigInt(expected);
    const place = found === null ? "its start" : found;
    return findingAt("rerun-moves-sequence", subject, {
      statement: run.sequenceCulprit(name),
      severity: isGap ? "warning" : "error",
      changes: [{ object, expected, found }],
      message: isGap
        ? `run again where it is applied, it takes numbers from ${object}`
        : `run again after the app took a number, it sets ${object} from ${expected} back to ${place}`,
      hint: isGap
        ? "leave out rows that are there before they are inserted: WHERE NOT EXISTS takes no number"
        : "set it only forward: setval with greatest() of the value wanted and last_value",
    });
  });
}

function isSame(first: ReadonlyMap<string, string | null>, second: ReadonlyMap<string, string | null>): boolean {
  return first.size === second.size && [...first].every(([name, value]) => second.get(name) === value);
}

import type { ManifestSequence } from "../backup/manifest.js";
import { isSameName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSequences, type SequenceFacts } from "../db/schema.js";
import { lockSequences } from "../db/sequence-lock.js";
import { readSequencePosition } from "../db/sequences.js";
import { furthestPosition, type Position } from "./sequence-position.js";

export interface RestoredSequence extends QualifiedName {
  /** As `last_value` shows it afterwards, decimal text. */
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/**
 * Keeps others from drawing numbers until the transaction ends. Without it, a number that another session draws between
 * our reading and our writing would be handed out again. A role can only move, and so only lock, what it owns.
 */
export async function lockOwnSequences(
  connection: Connection,
  names: readonly QualifiedName[],
  timeoutMs: number,
): Promise<void> {
  const present = await readSequences(connection);
  const owned = present.filter((sequence) => sequence.isOwned && names.some((name) => isSameName(name, sequence)));
  await lockSequences(connection, owned, timeoutMs);
}

/**
 * Moves sequences on, never back: past their saved position and past every value in the columns they feed (COPY into an
 * identity column leaves its sequence where it was). Call `lockOwnSequences` before. `setval` alone would survive a rollback; after ALTER SEQUENCE …
 * RESTART in the same transaction it writes to the sequence's new storage, and goes with it.
 */
export async function restoreSequences(
  connection: Connection,
  names: readonly QualifiedName[],
  saved: readonly ManifestSequence[],
): Promise<readonly RestoredSequence[]> {
  const present = await readSequences(connection);
  const restored: RestoredSequence[] = [];
  for (const sequence of present.filter((candidate) => names.some((name) => isSameName(name, candidate)))) {
    const position = await choosePosition(
      connection,
      sequence,
      saved.find((known) => isSameName(known, sequence)),
    );
    await setPosition(connection, sequence, position);
    const { schema, name } = sequence;
    restored.push({ schema, name, lastValue: String(position.lastValue), isCalled: position.isCalled });
  }
  return restored;
}

async function choosePosition(
  connection: Connection,
  sequence: SequenceFacts,
  saved: ManifestSequence | undefined,
): Promise<Position> {
  const current = await readPosition(connection, sequence);
  const backup = saved && { lastValue: BigInt(saved.lastValue), isCalled: saved.isCalled };
  const range = {
    increment: BigInt(sequence.increment),
    minimum: BigInt(sequence.minimum),
    maximum: BigInt(sequence.maximum),
  };
  // A sequence that begins anew has no "further": what the backup says counts.
  const known = sequence.cycles ? [backup ?? current] : [current, ...(backup ? [backup] : [])];
  const used = sequence.cycles ? [] : await usedValues(connection, sequence);
  return furthestPosition(range, [...known, ...used]) ?? current;
}

async function readPosition(connection: Connection, sequence: QualifiedName): Promise<Position> {
  const { lastValue, isCalled } = await readSequencePosition(connection, sequence);
  return { lastValue: BigInt(lastValue), isCalled };
}

/** The extreme value of each integer column that draws from the sequence, as a position that was handed out. */
async function usedValues(connection: Connection, sequence: SequenceFacts): Promise<readonly Position[]> {
  const extreme = sequence.increment.startsWith("-") ? "min" : "max";
  const positions: Position[] = [];
  for (const { schema, table, column, type } of sequence.columns) {
    if (!["smallint", "integer", "bigint"].includes(type)) continue;
    const [row] = await connection.query<{ used: string | null }>(
      `SELECT ${extreme}(${quoteIdentifier(column)})::text AS used FROM ${quoteName({ schema, name: table })}`,
    );
    if (row?.used) positions.push({ lastValue: BigInt(row.used), isCalled: true });
  }
  return positions;
}

async function setPosition(connection: Connection, sequence: QualifiedName, position: Position): Promise<void> {
  const current = await readPosition(connection, sequence);
  if (current.lastValue === position.lastValue && current.isCalled === position.isCalled) return;
  await connection.execute(`ALTER SEQUENCE ${quoteName(sequence)} RESTART WITH ${position.lastValue}`);
  await connection.query("SELECT setval($1::regclass, $2::bigint, $3)", [
    quoteName(sequence),
    String(position.lastValue),
    position.isCalled,
  ]);
}

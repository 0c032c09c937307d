import type { Manifest, ManifestSequence } from "../backup/manifest.js";
import { isSameName, type QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSequencePosition } from "../db/sequences.js";
import { furthestPosition } from "./sequence-position.js";
import { type RestoredSequence, restoreSequences } from "./sequences.js";

/** Moves sequences to the further of where they were and where they are, in their direction: never back, also where they cycle. */
export async function undoSequences(
  connection: Connection,
  names: readonly QualifiedName[],
  { sequences }: Manifest,
): Promise<readonly RestoredSequence[]> {
  const saved: ManifestSequence[] = [];
  for (const sequence of sequences) {
    const isMoved = names.some((name) => isSameName(name, sequence));
    saved.push(isMoved && sequence.cycles ? await notBehind(connection, sequence) : sequence);
  }
  return restoreSequences(connection, names, saved);
}

/** A restore takes a cycling sequence to its saved position, wherever it is. */
async function notBehind(connection: Connection, sequence: ManifestSequence): Promise<ManifestSequence> {
  const now = await readSequencePosition(connection, sequence);
  const range = {
    increment: BigInt(sequence.increment),
    minimum: BigInt(sequence.minimum),
    maximum: BigInt(sequence.maximum),
  };
  const positions = [now, sequence].map(({ lastValue, isCalled }) => ({ lastValue: BigInt(lastValue), isCalled }));
  const furthest = furthestPosition(range, positions);
  return furthest ? { ...sequence, lastValue: String(furthest.lastValue), isCalled: furthest.isCalled } : sequence;
}

import type { Manifest, ManifestSequence, ManifestTable } from "../backup/manifest.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, type QualifiedName } from "../db/identifier.js";
import type { SequenceFacts } from "../db/schema.js";

/** What is recorded there belongs to the database: what was done to it, and how it is marked. */
export const ownSchema = "roomctl";

/** The tables of a backup that are named, with their partitions; without names all of the app. Throws E_UNKNOWN_TABLE. */
export function chooseTables(
  manifest: Manifest,
  names: readonly QualifiedName[] | undefined,
): readonly ManifestTable[] {
  if (names === undefined) return manifest.tables.filter(({ schema }) => schema !== ownSchema);
  const covers = (name: QualifiedName) => (table: ManifestTable) =>
    isSameName(name, table) || table.ancestors.some((ancestor) => isSameName(name, ancestor));
  for (const name of names) {
    if (manifest.tables.some(covers(name))) continue;
    throw new RoomctlError("E_UNKNOWN_TABLE", `backup ${manifest.id} holds no table ${formatName(name)}`, {
      hint: `it holds: ${manifest.tables.map(formatName).join(", ") || "none"}`,
    });
  }
  return manifest.tables.filter((table) => names.some((name) => covers(name)(table)));
}

/** Throws E_SCHEMA where the backup holds only some rows of a table: to restore it would leave out all others. */
export function assertComplete({ id }: Manifest, tables: readonly ManifestTable[]): void {
  const partial = tables.filter(({ isPartial }) => isPartial);
  if (partial.length === 0) return;
  throw new RoomctlError("E_SCHEMA", `backup ${id} holds only some rows of ${partial.map(formatName).join(", ")}`, {
    hint: `roomctl wipe undo ${id} puts these back; --schema-into SCHEMA lets you look at them`,
  });
}

/** The sequences here that go with these tables: those of the backup, and those that it does not know yet. */
export function presentSequences(
  present: readonly SequenceFacts[],
  saved: readonly ManifestSequence[],
  wanted: readonly ManifestTable[],
): readonly SequenceFacts[] {
  return present.filter(
    (sequence) =>
      saved.some((known) => isSameName(known, sequence)) ||
      isFed(
        wanted,
        sequence.columns.map(({ schema, table }) => ({ schema, name: table })),
      ),
  );
}

export function isFed(tables: readonly ManifestTable[], fed: readonly QualifiedName[]): boolean {
  return tables.some((table) =>
    [table, ...table.ancestors].some((name) => fed.some((other) => isSameName(name, other))),
  );
}

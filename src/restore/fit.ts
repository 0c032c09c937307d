import type { Manifest, ManifestSequence, ManifestTable } from "../backup/manifest.js";
import type { SelectedTable } from "../backup/selection.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { formatName, isSameName, quoteIdentifier } from "../db/identifier.js";
import type { ColumnFacts, SequenceFacts } from "../db/schema.js";

export interface Fit {
  readonly manifest: Manifest;
  readonly wanted: readonly ManifestTable[];
  /** Sequences of the backup that go with those tables. */
  readonly saved: readonly ManifestSequence[];
  readonly present: readonly SelectedTable[];
  /** Of the database that is restored into. */
  readonly encoding: string;
  readonly sequences: readonly SequenceFacts[];
}

/** Throws E_SCHEMA naming every difference that would keep the rows out, or change them. */
export function assertFits(fit: Fit): void {
  const differences = [
    ...encodingDifferences(fit),
    ...fit.wanted.flatMap((table) => tableDifferences(table, fit)),
    ...sequenceDifferences(fit),
  ];
  if (differences.length === 0) return;
  throw new RoomctlError(
    "E_SCHEMA",
    `the database cannot take backup ${fit.manifest.id} as it is: ${differences.join("; ")}`,
    { hint: hintFor(fit.manifest) },
  );
}

/** Also the way on after a restore into an empty database was cut off between its migrations and its rows. */
function hintFor({ id, migrations }: Manifest): string {
  const last = migrations.at(-1)?.name;
  if (last === undefined) return "bring its schema to the backup's, or choose other tables with --table";
  return `roomctl migrate --to ${shellWord(last)} && roomctl backup restore ${id}`;
}

function encodingDifferences({ manifest, encoding }: Fit): string[] {
  if (manifest.source.encoding === encoding) return [];
  return [`its encoding is ${encoding}, the backup's ${manifest.source.encoding}`];
}

function tableDifferences(table: ManifestTable, { present }: Fit): string[] {
  const found = present.find((candidate) => isSameName(candidate, table));
  if (!found) return [`table ${formatName(table)} is missing`];
  if (found.kind !== "table") return [`${formatName(table)} is a ${found.kind} table here`];
  const lacking = table.columns.flatMap(({ name, type }) => {
    const what = `column ${formatName(table)}.${quoteIdentifier(name)}`;
    const column = found.columns.find((candidate) => candidate.name === name);
    if (!column) return [`${what} is missing`];
    if (column.isGenerated) return [`${what} is generated here`];
    return column.type === type ? [] : [`${what} is ${column.type} here, ${type} in the backup`];
  });
  const unfilled = found.columns.filter(
    (column) => needsValue(column) && !table.columns.some((known) => known.name === column.name),
  );
  return [
    ...lacking,
    ...unfilled.map(
      ({ name }) => `column ${formatName(table)}.${quoteIdentifier(name)} needs a value that the backup does not have`,
    ),
  ];
}

function needsValue(column: ColumnFacts): boolean {
  return column.notNull && !column.hasDefault && column.identity === null && !column.isGenerated;
}

function sequenceDifferences({ saved, sequences }: Fit): string[] {
  const missing = saved.filter((sequence) => !sequences.some((present) => isSameName(present, sequence)));
  return missing.map((sequence) => `sequence ${formatName(sequence)} is missing`);
}

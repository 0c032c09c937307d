import { RoomctlError } from "../core/errors.js";
import { formatName, quoteName } from "../db/identifier.js";
import { readMarker } from "../db/marker.js";
import { hasOwnTable } from "../db/own-schema.js";
import type { Queryable } from "../db/pool.js";
import type { SequenceFacts } from "../db/schema.js";
import { readSequencePosition, type SequencePosition } from "../db/sequences.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { readDatabaseProperties } from "./database-properties.js";
import type { BackupSource, Manifest, ManifestMigration, ManifestSequence, SkippedObject } from "./manifest.js";
import { readMaterializedViews } from "./materialized-views.js";
import { readNeeds } from "./needs.js";
import type { Selection } from "./selection.js";

/** Everything of a manifest that is not rows. Read it after the snapshot: a sequence that ran ahead is safe. */
export async function readContents(
  queryable: Queryable,
  selection: Selection,
): Promise<
  Omit<Manifest, "formatVersion" | "toolVersion" | "id" | "createdAt" | "note" | "schema" | "tables" | "largeObjects">
> {
  const sequences: ManifestSequence[] = [];
  for (const sequence of selection.sequences) sequences.push(await readPosition(queryable, sequence));
  return {
    source: await readSource(queryable),
    environment: (await readMarker(queryable))?.environment ?? null,
    isWhole: selection.isWhole,
    needs: await readNeeds(queryable),
    databaseProperties: await readDatabaseProperties(queryable),
    materializedViews: selection.isWhole ? await readMaterializedViews(queryable) : [],
    sequences,
    migrations: await readAppliedMigrations(queryable),
    skipped: selection.isWhole ? await queryable.query<SkippedObject>(loadStatement("backup/skipped")) : [],
  };
}

/** Applied migrations in order; none when roomctl never migrated this database. */
async function readAppliedMigrations(queryable: Queryable): Promise<readonly ManifestMigration[]> {
  if (!(await hasOwnTable(queryable, "migrations")) || !(await hasOwnTable(queryable, "migration_runs"))) return [];
  return queryable.query<ManifestMigration>(loadStatement("backup/migrations"));
}

export async function readSource(queryable: Queryable): Promise<BackupSource> {
  const [source] = await queryable.query<BackupSource>(loadStatement("backup/source"));
  if (!source) throw new RoomctlError("E_INTERNAL", "the server said nothing about itself");
  return source;
}

async function readPosition(queryable: Queryable, sequence: SequenceFacts): Promise<ManifestSequence> {
  const position = await readOrExplain(queryable, sequence);
  const { columns, isReadable: _isReadable, isOwned: _isOwned, ...definition } = sequence;
  return { ...definition, ...position, feeds: columns.map(({ schema, table }) => ({ schema, name: table })) };
}

async function readOrExplain(queryable: Queryable, sequence: SequenceFacts): Promise<SequencePosition> {
  try {
    return await readSequencePosition(queryable, sequence);
  } catch (error) {
    if (codeOf(error) !== sqlstate.insufficientPrivilege) throw error;
    throw new RoomctlError("E_PRIVILEGE", `the sequence ${formatName(sequence)} cannot be read`, {
      cause: error,
      hint: `without its position a restore would hand out old ids: GRANT SELECT ON SEQUENCE ${quoteName(sequence)} TO the backup's role`,
    });
  }
}

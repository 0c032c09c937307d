import type { Connection, Database } from "../db/pool.js";
import { readSchemaSnapshot, schemaFingerprint } from "../db/snapshot.js";
import type { CreateBackupOptions } from "./create.js";
import type { CapturedSchema } from "./schema-files.js";
import { applyReadSettings } from "./settings.js";
import { moved } from "./snapshot.js";

interface PreparedSchema {
  /** What was captured last. */
  schema(): CapturedSchema | undefined;
  /** For `withSnapshot`. */
  readonly prepare?: () => Promise<(leader: Connection) => Promise<void>>;
}

/**
 * Captures the schema before the tables are locked, and holds it against what the snapshot shows. Not afterwards: pg_dump
 * locks the tables as well, and would queue behind whoever waits for us.
 */
export function prepareSchema(
  database: Database,
  { captureSchema }: Pick<CreateBackupOptions, "captureSchema">,
): PreparedSchema {
  if (!captureSchema) return { schema: () => undefined };
  let captured: CapturedSchema | undefined;
  return {
    schema: () => captured,
    async prepare() {
      const before = await readFingerprint(database);
      captured = await captureSchema();
      return async (leader) => {
        if (schemaFingerprint(await readSchemaSnapshot(leader)) !== before) throw moved();
      };
    },
  };
}

/** Under the settings of the snapshot's sessions: the server writes money in a default as `lc_monetary` says. */
async function readFingerprint(database: Database): Promise<string> {
  const connection = await database.connect();
  try {
    await applyReadSettings(connection, "session");
    return schemaFingerprint(await readSchemaSnapshot(connection));
  } finally {
    // Its settings must not reach the pool's next borrower.
    connection.discard();
  }
}

import type { Manifest } from "../backup/manifest.js";
import { quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import type { Database } from "../db/pool.js";
import type { ScratchDatabase, ScratchServer } from "../db/scratch.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { localeWords } from "../restore/database-words.js";
import { readMissing } from "../restore/needs.js";

/** Roles of a backup that a scratch server lacked. Dropped at the end of the `await using` scope. */
interface MadeRoles extends AsyncDisposable {
  readonly names: readonly string[];
}

/** Makes the roles that the backup's schema names, without the right to log in. `desk` must outlive what they own. */
export async function makeRoles(desk: Database, { needs }: Manifest, warn: (line: string) => void): Promise<MadeRoles> {
  const { roles } = await readMissing(desk, needs);
  const made: string[] = [];
  const drop = async () => {
    for (const role of made) {
      // Straight from a session of its own: cleaning up must not be cut off by the first that cannot go.
      await desk.execute(`DROP ROLE IF EXISTS ${quoteIdentifier(role)}`).catch((error: Error) => {
        warn(`the role ${role} stays on the scratch server: ${error.message}`);
      });
    }
  };
  try {
    for (const role of roles) {
      await desk.execute(`CREATE ROLE ${quoteIdentifier(role)} NOLOGIN`);
      made.push(role);
    }
  } catch (error) {
    await drop();
    throw error;
  }
  return { names: made, [Symbol.asyncDispose]: drop };
}

/** A database with the backup's encoding and locale; with C's where this server has not that one, which is told. */
export async function createAlike(
  scratch: ScratchServer,
  { databaseProperties }: Manifest,
  warn: (line: string) => void,
): Promise<ScratchDatabase> {
  try {
    return await scratch.createDatabase("template0", localeWords(databaseProperties, scratch.majorVersion));
  } catch (error) {
    if (codeOf(error) === "E_PRIVILEGE" || codeOf(error) === sqlstate.diskFull) throw error;
    const { encoding, locale, collate } = databaseProperties;
    warn(`the scratch server has no locale ${locale ?? collate}: this drill runs with C, where texts sort otherwise`);
    return await scratch.createDatabase(
      "template0",
      `ENCODING ${quoteLiteral(encoding)} LC_COLLATE 'C' LC_CTYPE 'C'${scratch.majorVersion >= 15 ? " LOCALE_PROVIDER libc" : ""}`,
    );
  }
}

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PgDump } from "../../src/db/pg-dump-find.js";
import type { DatabaseTarget } from "../../src/db/target.js";

/** The pg_dump beside the system's PostgreSQL 15, where there is one. */
const systemPgDump = "/usr/lib/postgresql/15/bin/pg_dump";

export const pgDump15: PgDump = { path: systemPgDump, version: "15", major: 15, name: "pg_dump (PostgreSQL) 15" };

/** What the system's pg_dump prints of a schema, without the keys that it makes up. */
export function referenceDump({ host, port, user, password, database }: DatabaseTarget): string {
  const environment = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database };
  const text = execFileSync(systemPgDump, ["--schema-only"], { env: environment, encoding: "utf8", stdio: "pipe" });
  return text.replace(/^\\(un)?restrict \S+\n/gm, "");
}

export interface FakePgDump extends Disposable {
  readonly program: PgDump;
  /** A file beside it, for the script to write: `$notes/name`. */
  note(name: string): string;
}

/** A shell script in place of pg_dump. `$notes` is a folder of its own. */
export function createFakePgDump(script: string): FakePgDump {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-pg-dump-"));
  const path = join(folder, "pg_dump");
  writeFileSync(path, `#!/bin/sh\nnotes=${folder}\n${script}\n`);
  chmodSync(path, 0o755);
  return {
    program: { path, version: "15.9", major: 15, name: "pg_dump (PostgreSQL) 15.9" },
    note: (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : ""),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

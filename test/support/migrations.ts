import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface MigrationFolder extends Disposable {
  readonly directory: string;
  /** Writes one file, by its name in the folder. */
  write(fileName: string, sql: string): void;
  remove(fileName: string): void;
}

/** A folder of migrations of the test's own, from file names to their SQL; removed at the end of its `using` scope. */
export function createMigrationFolder(files: Readonly<Record<string, string>> = {}): MigrationFolder {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-migrations-"));
  const write = (fileName: string, sql: string) => writeFileSync(join(directory, fileName), sql);
  for (const [fileName, sql] of Object.entries(files)) write(fileName, sql);
  return {
    directory,
    write,
    remove: (fileName) => rmSync(join(directory, fileName)),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";

const run = promisify(execFile);

/** What one process does: takes the lock, notes that it is in, waits a little, notes that it leaves. */
const contender = (lock: string, notes: string) => `
  import { appendFileSync } from "node:fs";
  import { withDirectoryLock } from ${JSON.stringify(pathToFileURL(join(packageRoot, "dist/db/directory-lock.js")).href)};
  await withDirectoryLock(${JSON.stringify(lock)}, undefined, async () => {
    appendFileSync(${JSON.stringify(notes)}, "in\\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    appendFileSync(${JSON.stringify(notes)}, "out\\n");
  });`;

test("of many processes that find a dead one's lock, one at a time gets in", async () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-lock-"));
  for (let round = 0; round < 5; round += 1) {
    const lock = join(folder, `lock-${round}`);
    const notes = join(folder, `notes-${round}`);
    writeFileSync(lock, "999999999");
    const words = ["--input-type=module", "-e", contender(lock, notes)];
    await Promise.all(Array.from({ length: 6 }, () => run(process.execPath, words)));
    expect(readFileSync(notes, "utf8")).toBe("in\nout\n".repeat(6));
  }
  rmSync(folder, { recursive: true });
});

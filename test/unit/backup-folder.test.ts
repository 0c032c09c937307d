import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type * as files from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { openRepository } from "../../src/backup/repository.js";

const calls = vi.hoisted(() => ({ running: 0, most: 0 }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof files>();
  return {
    ...real,
    async stat(path: string) {
      calls.running += 1;
      calls.most = Math.max(calls.most, calls.running);
      return real.stat(path).finally(() => {
        calls.running -= 1;
      });
    },
  };
});

test("a backup of many files is looked at a few files at a time", async () => {
  const location = mkdtempSync(join(tmpdir(), "roomctl-folder-"));
  try {
    mkdirSync(join(location, "2026-11-20T030000Z-ab12cd", "data"), { recursive: true });
    for (let number = 0; number < 200; number += 1) {
      writeFileSync(join(location, "2026-11-20T030000Z-ab12cd", "data", `${number}.copy.gz`), "x");
    }
    const found = await openRepository(location).read("2026-11-20T030000Z-ab12cd").listFiles();
    expect(found).toHaveLength(200);
    expect(found.every(({ sizeBytes }) => sizeBytes === 1)).toBe(true);
    expect(calls.most).toBeLessThanOrEqual(16);
  } finally {
    rmSync(location, { recursive: true, force: true });
  }
});

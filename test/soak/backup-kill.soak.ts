import { expect, test } from "vitest";
import { killBackups } from "../support/backup-kill.js";
import { serverNames } from "../support/postgres.js";

test.each(serverNames)(
  "killed a hundred times on %s, a backup is never half there",
  { timeout: 1_800_000 },
  async (server) => {
    const shares = Array.from({ length: 100 }, (_, number) => ((number * 37) % 100) / 100);
    const report = await killBackups(server, shares);
    expect(report).toMatchObject({ damaged: [], leftovers: [], lost: 0, finalStatus: 0 });
    expect(report.killed).toBeGreaterThan(50);
    expect(report.backups).toBe(report.published);
  },
);

import { expect, test } from "vitest";
import { serverNames } from "../support/postgres.js";
import { killWipes } from "../support/wipe-kill.js";

test.each(serverNames)("killed after each of its statements on %s, a wipe is whole or nothing", async (server) => {
  const report = await killWipes(
    server,
    Array.from({ length: 200 }, (_, number) => (number + 1) / 200),
  );
  expect(report.lies).toEqual([]);
  expect(report.killed).toBeGreaterThan(150);
});

import { expect, test } from "vitest";
import { killWipes } from "../support/wipe-kill.js";

test("killed at any moment, a wipe has happened with its receipt or not at all", async () => {
  const report = await killWipes("postgres18", [0.3, 0.6, 0.8, 0.9, 0.97, 1]);
  expect(report.lies).toEqual([]);
  expect(report.killed).toBeGreaterThan(3);
});

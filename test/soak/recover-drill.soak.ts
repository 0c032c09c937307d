import { expect, test } from "vitest";
import { plantedBugs } from "../../src/server/planted.js";
import { runRoomctl } from "../support/cli.js";

const cycles = process.env["ROOMCTL_SOAK_CYCLES"] ?? "300";
const seed = process.env["ROOMCTL_SOAK_SEED"] ?? "20261121";

test("a long drill finds nothing lost, revived or otherwise wrong", async () => {
  const { status, stdout } = await runRoomctl(["recover", "--drill", "--cycles", cycles, "--seed", seed]);
  process.stdout.write(stdout);
  expect(stdout).toContain(": 0 lost, 0 revived, ");
  expect(status).toBe(0);
});

test("every planted bug is found", async () => {
  const { status, stdout } = await runRoomctl(["recover", "--selftest", "--cycles", "60", "--seed", seed]);
  process.stdout.write(stdout);
  expect(stdout).toContain(`${plantedBugs.length} of ${plantedBugs.length} planted bugs found`);
  expect(status).toBe(0);
});

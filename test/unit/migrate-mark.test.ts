import { expect, test } from "vitest";
import { markOptions } from "../../src/migrate/mark.js";

test.each([
  ["development", "default", "assumed"],
  ["development", "ROOMCTL_ENV", "said"],
  ["development", "roomctl.config.json: environment", "said"],
  // Tools set NODE_ENV unasked, and it speaks of a process: what it takes protection away with is no more than a guess.
  ["development", "NODE_ENV", "assumed"],
  ["staging", "NODE_ENV", "said"],
  ["production", "NODE_ENV", "said"],
] as const)("%s by %s is %s", (value, origin, environmentOrigin) => {
  expect(markOptions({ value, origin })).toEqual({ environment: value, environmentOrigin });
});

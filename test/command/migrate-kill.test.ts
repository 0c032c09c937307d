import { expect, test } from "vitest";
import { runKillCampaign } from "../support/kill-campaign.js";

// The long form, with a hundred kills on each server: npm run soak
test("killed at any moment, migrate converges with its next run: nothing is lost, done twice or left invalid", async () => {
  const { expected, rounds } = await runKillCampaign({ kills: 8, seed: 20261121 });
  expect(expected).toMatchObject({
    applied: ["0001_tables", "0002_index", "0003_steps", "0004_change", "0005_unique"],
    invalidIndexes: 0,
    log: ["four", "one", "three", "two"],
  });
  expect(rounds.filter(({ wasKilled }) => wasKilled)).toHaveLength(8);
  for (const { outcome, moment } of rounds) expect({ moment, ...outcome }).toEqual({ moment, ...expected });
});

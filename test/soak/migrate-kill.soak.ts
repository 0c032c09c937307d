import { expect, test } from "vitest";
import { runKillCampaign } from "../support/kill-campaign.js";
import { serverNames } from "../support/postgres.js";

const kills = Number(process.env["ROOMCTL_SOAK_ROUNDS"] ?? 100);

test.each(serverNames)("migrate converges after each of many kills at random moments (%s)", async (server) => {
  const seed = Number(process.env["ROOMCTL_SOAK_SEED"] ?? 20261121);
  const campaign = await runKillCampaign({ kills, seed, server });
  const differing = campaign.rounds.filter(
    ({ outcome }) => JSON.stringify(outcome) !== JSON.stringify(campaign.expected),
  );
  const count = campaign.rounds.length;
  process.stdout.write(
    `${server}, seed ${seed}: ${count - differing.length} of ${count} converged, ${kills} killed while running\n`,
  );
  expect(differing).toEqual([]);
});

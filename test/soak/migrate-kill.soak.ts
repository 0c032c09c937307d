import { expect, test } from "vitest";
import { runKillCampaign } from "../support/kill-campaign.js";
import { serverNames } from "../support/postgres.js";

const rounds = Number(process.env["ROOMCTL_SOAK_ROUNDS"] ?? 100);

test.each(serverNames)("migrate converges after each of many kills at random moments (%s)", async (server) => {
  const seed = Number(process.env["ROOMCTL_SOAK_SEED"] ?? 20261121);
  const campaign = await runKillCampaign({ rounds, seed, server });
  const differing = campaign.rounds.filter(
    ({ outcome }) => JSON.stringify(outcome) !== JSON.stringify(campaign.expected),
  );
  const killed = campaign.rounds.filter(({ wasKilled }) => wasKilled).length;
  process.stdout.write(
    `${server}, seed ${seed}: ${rounds - differing.length} of ${rounds} converged, ${killed} killed while running\n`,
  );
  expect(differing).toEqual([]);
});

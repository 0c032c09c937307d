import { type Case, type Check, isDue, violate } from "./drill-case.js";
import type { Operation } from "./drill-model.js";

/** Between the window's end as the rows have it and as the server counts it. */
const slackMs = 2_000;

/** I17: what was left of a limit is used up once: a restart gives none of it back, but what the loss window took. */
export const checkLimits: Check = (facts) => {
  const { usedLimit } = facts.evidence;
  if (!usedLimit) return [];
  const { userId, left, windowEndsAt } = usedLimit;
  const accepted = facts.story.operations.filter(
    ({ name, actor, settled }) =>
      name === "limit" && actor === userId && settled?.outcome === "ok" && settled.at + slackMs < windowEndsAt,
  );
  return accepted.flatMap((use) => {
    const row = facts.evidence.rows.limits.find(({ key }) => key.endsWith(userId));
    const counted = accepted.filter((earlier) => isCountedFor(facts, earlier, use)).length;
    return violate(facts, counted >= left, [
      "I17",
      userId,
      `${userId} had ${left} uses of a limit left, and got one more after ${counted}; its row counts ${row?.count}`,
    ]);
  });
};

/** Under the same server what was accepted counts at once; over a restart once it had to be written. */
function isCountedFor({ evidence }: Case, earlier: Operation, use: Operation): boolean {
  if (!earlier.settled || earlier.settled.at > use.invokedAt) return false;
  const isAfter = ({ invokedAt }: Operation) => invokedAt >= evidence.startedAt;
  return isAfter(earlier) === isAfter(use) || isDue(evidence, earlier.settled.at);
}

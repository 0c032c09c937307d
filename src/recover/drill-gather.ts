import { mapParallel } from "../core/parallel.js";
import type { Ghosts, Pair } from "./drill-cycle.js";
import type { History } from "./drill-history.js";
import { type Account, createAccount } from "./drill-http.js";
import type { CyclePlan } from "./drill-plan.js";
import { createUser, type DrillUser } from "./drill-user.js";

const atOnce = 6;
/** Accounts of planted rooms around the age rule, of silent ones, and one with a limit. */
const [agedCount, silentCount, limitedCount] = [6, 4, 1];
const ghostCount = agedCount + silentCount + limitedCount;

/** The users of a cycle: those who stayed, new ones, and accounts that lend their names to what is planted. */
export async function gather(
  history: History,
  port: number,
  { plan, survivors }: { readonly plan: CyclePlan; readonly survivors: readonly DrillUser[] },
): Promise<{ readonly users: readonly DrillUser[]; readonly ghosts: Ghosts }> {
  const wanted = Math.max(2, plan.users - survivors.length) + ghostCount;
  const names = Array.from({ length: wanted }, (_, index) => `user ${plan.cycle}.${index}`);
  const made = await mapParallel(names, atOnce, (name) => createAccount(history, port, name));
  const accounts = made.filter((account) => account !== undefined);
  const fresh = accounts
    .slice(ghostCount)
    .map((account, index) => createUser(history, account, index % 2 === 0 ? "text" : "video"));
  return { users: [...survivors, ...fresh], ghosts: chooseGhosts(accounts) };
}

function chooseGhosts(accounts: readonly Account[]): Ghosts {
  const silentFrom = agedCount + silentCount;
  return {
    aged: pairsOf(accounts.slice(0, agedCount)),
    silent: pairsOf(accounts.slice(agedCount, silentFrom)),
    limited: accounts[silentFrom],
  };
}

function pairsOf(accounts: readonly Account[]): readonly Pair[] {
  return accounts.flatMap((one, index): readonly Pair[] => {
    const two = accounts[index + 1];
    return index % 2 === 0 && two ? [[one, two]] : [];
  });
}

import { mapParallel } from "../core/parallel.js";
import type { Ghosts, Ground, Running } from "./drill-cycle.js";
import { type Account, readLink, useLimit } from "./drill-http.js";
import { rejoin } from "./drill-load.js";
import { readRooms } from "./drill-rooms.js";
import { createUser, type DrillUser } from "./drill-user.js";

export interface ReturnWish {
  readonly users: readonly DrillUser[];
  readonly ghosts: Ghosts;
  /** Of the server before: asks again for what it may not have any more. */
  readonly limited: Account | undefined;
  readonly links: readonly { readonly code: string; readonly expected: string }[];
  readonly startedAt: number;
}

/** How many do something at once: as people come back after a restart. */
const atOnce = 8;
const sampled = 4;
const returningShare = 0.75;

/**
 * Lets most users come back to the new server, as its protocol has it: connect, hear of the room, rejoin. Then asks what
 * else must have come back, or must not have. Everything is in the history as read back. Returns who came back, and who
 * sits in the silent rooms now.
 */
export async function readBack(
  ground: Ground,
  { listening }: Running,
  wish: ReturnWish,
): Promise<{ readonly back: readonly DrillUser[]; readonly watchers: readonly DrillUser[] }> {
  const { history, random } = ground;
  const { port } = listening;
  const draw = random.fork(`return ${listening.epoch}`);
  const returning = wish.users.filter(() => draw.chance(returningShare));
  const away = wish.users.filter((user) => !returning.includes(user));
  const appear = (account: Account) => createUser(history, account, "video");
  const watchers = wish.ghosts.silent.flat().map(appear);
  const ghosts = wish.ghosts.aged.flat().map(appear);
  await mapParallel([...watchers, ...ghosts, ...returning], atOnce, async (user) => {
    if (await user.connect(port, { isReadBack: true })) await rejoin({ user }, { isReadBack: true });
  });
  for (const ghost of ghosts) ghost.drop();
  const back = returning.filter((user) => user.isConnected());
  await askOthers(ground, port, { back, away, ...wish });
  return { back, watchers };
}

interface Asking extends ReturnWish {
  readonly back: readonly DrillUser[];
  readonly away: readonly DrillUser[];
}

async function askOthers(ground: Ground, port: number, asking: Asking): Promise<void> {
  const { history } = ground;
  const { back, away, links, limited, startedAt } = asking;
  if (limited) await useLimit(history, port, { account: limited, isReadBack: true });
  const [someone] = back;
  if (someone === undefined) return;
  const { account } = someone;
  for (const link of links.slice(0, sampled)) await readLink(history, port, { account, ...link });
  const userIds = away.map((user) => user.account.userId);
  await someone.ask("presence", { userIds }, { isReadBack: true });
  await askForOldInvites(ground, back, startedAt);
  await askForCooldowns(ground, back);
}

/** Invites that were open when the server died are not, to the new one. */
async function askForOldInvites({ history }: Ground, back: readonly DrillUser[], startedAt: number): Promise<void> {
  const sent = history
    .story(0)
    .operations.filter(
      ({ name, settled, invokedAt }) => name === "invite:send" && settled?.found && invokedAt < startedAt,
    )
    .slice(-sampled);
  for (const { subject, settled } of sent) {
    const user = back.find(({ account, isConnected }) => account.userId === subject && isConnected());
    const inviteId = settled?.found?.[0];
    if (user && inviteId) await user.ask("invite:accept", { inviteId }, { subject: inviteId, isReadBack: true });
  }
}

/** Two who have met, and whose room's end is durable, may not invite each other. */
async function askForCooldowns({ history }: Ground, back: readonly DrillUser[]): Promise<void> {
  const free = new Map(
    back.filter((user) => user.isConnected() && user.room() === undefined).map((user) => [user.account.userId, user]),
  );
  const met = [...readRooms(history.story(0)).values()].filter(
    ({ users, endDurableAt }) => endDurableAt !== undefined && users.every((userId) => free.has(userId)),
  );
  for (const { users } of met.slice(-sampled)) {
    const facts = { subject: users[1], isReadBack: true };
    await free.get(users[0])?.ask("invite:send", { toUserId: users[1], mode: "video" }, facts);
  }
}

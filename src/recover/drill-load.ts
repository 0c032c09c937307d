import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { History } from "./drill-history.js";
import { createLink } from "./drill-http.js";
import type { Random } from "./drill-random.js";
import type { DrillUser } from "./drill-user.js";

export interface Load {
  readonly history: History;
  readonly port: number;
  readonly random: Random;
  readonly newId: () => string;
  readonly users: readonly DrillUser[];
  /** Ends the work; what is under way ends by itself or with the server. */
  readonly stop: AbortSignal;
}

/** Links that were acknowledged as durable while users were at work, each with its user. */
export interface LoadResult {
  readonly links: readonly { readonly code: string; readonly expected: string }[];
}

/** Lets every user do what people do, each at its own pace, until it is stopped. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const links: { code: string; expected: string }[] = [];
  // Each pause of each user listens for the end.
  setMaxListeners(0, load.stop);
  const people = load.users.map(({ account }) => account.userId);
  await Promise.all(
    load.users.map(async (user, index) => {
      const random = load.random.fork(`user ${index}`);
      const person: Person = { ...load, user, people, random, said: [], links };
      while (!load.stop.aborted) {
        await step(person);
        await pause(person, random.integer(2, 25));
      }
    }),
  );
  return { links };
}

interface Person extends Omit<Load, "users"> {
  readonly user: DrillUser;
  /** Everybody's ids. */
  readonly people: readonly string[];
  /** What it sent, to send one of it again. */
  readonly said: { readonly roomId: string; readonly messageId: string; readonly body: string }[];
  readonly links: { code: string; expected: string }[];
}

async function step(person: Person): Promise<void> {
  const { user, random, port } = person;
  if (!user.isConnected()) {
    if (await user.connect(port)) await rejoin(person);
    return;
  }
  if (user.room() !== undefined) return await callStep(person);
  if (random.chance(0.05)) return await makeLink(person);
  if (await answerInvite(person)) return;
  if (random.chance(0.25)) return await invite(person);
  if (!user.isQueued()) await user.ask("queue:join", { mode: user.mode });
  else if (random.chance(0.1)) await user.ask("queue:leave", {});
  else await user.told(40);
}

/** In a room. */
async function callStep(person: Person): Promise<void> {
  const { user, random } = person;
  const roomId = user.room()?.roomId ?? "";
  const choice = random.next();
  if (choice < 0.4) return await say(person, roomId);
  if (choice < 0.72) return await signal(person, roomId);
  if (choice < 0.84) {
    await user.ask("room:leave", { roomId }, { roomId });
    return;
  }
  if (choice < 0.94) {
    user.drop();
    await pause(person, random.integer(5, 200));
    return;
  }
  await user.told(30);
}

async function say({ user, random, said, newId }: Person, roomId: string): Promise<void> {
  const earlier = random.chance(0.1) ? random.pick(said.filter((message) => message.roomId === roomId)) : undefined;
  const messageId = earlier?.messageId ?? newId();
  const body = earlier?.body ?? `${messageId.slice(0, 8)} ${"x".repeat(random.integer(1, 60))}`;
  if (!earlier) said.push({ roomId, messageId, body });
  await user.ask("chat:message", { roomId, messageId, body }, { roomId, subject: messageId, body });
}

async function signal({ user, random }: Person, roomId: string): Promise<void> {
  const candidate = { candidate: `candidate:${random.integer(1, 9)}`, sdpMid: "0" };
  await user.ask("rtc", { roomId, candidate }, { roomId, event: "rtc:ice" });
}

async function makeLink({ user, history, port, links }: Person): Promise<void> {
  const code = await createLink(history, port, user.account);
  if (code !== undefined) links.push({ code, expected: user.account.userId });
}

async function answerInvite({ user }: Person): Promise<boolean> {
  const inviteId = user.takeInvite();
  if (inviteId === undefined) return false;
  await user.ask("invite:accept", { inviteId }, { subject: inviteId });
  return true;
}

async function invite({ user, random, people }: Person): Promise<void> {
  const others = people.filter((userId) => userId !== user.account.userId);
  const toUserId = random.pick(others);
  if (toUserId !== undefined) await user.ask("invite:send", { toUserId, mode: user.mode }, { subject: toUserId });
}

/** Takes the seat again that the session named. */
export async function rejoin({ user }: Pick<Person, "user">, facts: { isReadBack?: boolean } = {}): Promise<void> {
  const roomId = user.room()?.roomId;
  if (roomId !== undefined) await user.ask("room:rejoin", { roomId, after: 0 }, { roomId, ...facts });
}

async function pause({ stop }: Pick<Person, "stop">, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => {
    // The end of the work ends the pause.
  });
}

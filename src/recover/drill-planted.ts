import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Ghosts } from "./drill-cycle.js";
import type { PlantedRoom, PlantedSilence, UsedLimit } from "./drill-evidence.js";
import type { Account } from "./drill-http.js";
import type { Random } from "./drill-random.js";
import { limitScale } from "./drill-server.js";

/** Rows as servers of long ago left them: what a drill has no time to wait for. */
export interface Planted {
  /** The silent ones among them. */
  readonly rooms: readonly PlantedRoom[];
  readonly silences: readonly PlantedSilence[];
  readonly usedLimit: UsedLimit | undefined;
}

export interface PlantWish {
  readonly ghosts: Ghosts;
  readonly newId: () => string;
  readonly random: Random;
}

/** Each kind of planted room has a server of its own, whose last heartbeat is as old as the room. */
const past = {
  fresh: { epoch: 1, ageSeconds: 560 },
  // Exactly as old as the rule says when it is planted, so a moment older when it is read.
  stale: { epoch: 2, ageSeconds: 600 },
  edge: { epoch: 3, ageSeconds: 600 },
} as const;

/** Notes the servers of long ago, before the first of the drill's own takes their numbers. */
export async function preparePast(database: Database): Promise<void> {
  for (const { epoch, ageSeconds } of Object.values(past)) await notePast(database, epoch, ageSeconds);
}

/** What a dry run sees too: a room young enough and one too old, two silent text rooms, a limit that is almost used up. */
export async function plantRows(database: Database, { ghosts, newId, random }: PlantWish): Promise<Planted> {
  const [fresh, stale] = ghosts.aged;
  const rooms: PlantedRoom[] = [];
  if (fresh) rooms.push(await plantRoom(database, { pair: fresh, roomId: newId(), ...past.fresh }));
  if (stale) rooms.push(await plantRoom(database, { pair: stale, roomId: newId(), ...past.stale }));
  const silences: PlantedSilence[] = [];
  for (const [index, pair] of ghosts.silent.entries()) {
    silences.push(
      await plantSilence(database, { pair, roomId: newId(), isWarned: random.chance(0.5), isDue: index === 0 }),
    );
  }
  const { limited } = ghosts;
  const usedLimit = limited && (await plantLimit(database, limited));
  return { rooms: [...rooms, ...silences], silences, usedLimit };
}

/** Right before a start: a room that grows too old while the server starts. */
export async function plantEdge(database: Database, wish: PlantWish): Promise<readonly PlantedRoom[]> {
  const { epoch, ageSeconds } = past.edge;
  const leadMs = wish.random.integer(0, 1_500);
  const pair = wish.ghosts.aged[2];
  const facts = { roomId: wish.newId(), epoch, ageSeconds: ageSeconds - leadMs / 1000 };
  return pair ? [await plantRoom(database, { pair, ...facts })] : [];
}

/** Takes rooms away that a start has left alone, as it should. */
export async function clearPlanted(database: Database, planted: readonly PlantedRoom[]): Promise<void> {
  const epochs = Object.values(past).map(({ epoch }) => epoch);
  await database.execute(loadStatement("reference/drill-clear-planted"), [planted.map(({ roomId }) => roomId), epochs]);
}

interface RoomWish {
  readonly roomId: string;
  readonly pair: readonly [Account, Account];
  readonly epoch: number;
  readonly ageSeconds: number;
}

async function plantRoom(database: Database, { roomId, pair, epoch, ageSeconds }: RoomWish): Promise<PlantedRoom> {
  const users = idsOf(pair);
  await notePast(database, epoch, ageSeconds);
  const values = [roomId, ...users, ageSeconds, epoch];
  const [row] = await database.query<{ staleAt: number }>(loadStatement("reference/drill-planted-room"), values);
  return { roomId, users, staleAt: row?.staleAt ?? 0 };
}

async function notePast(database: Database, epoch: number, ageSeconds: number): Promise<void> {
  await database.execute(loadStatement("reference/drill-past-server"), [ageSeconds, epoch]);
}

interface SilenceWish {
  readonly roomId: string;
  readonly pair: readonly [Account, Account];
  readonly isWarned: boolean;
  readonly isDue: boolean;
}

/** Long over, or so far ahead that no cycle sees it. */
const [dueSeconds, aheadSeconds] = [-5, 25];

async function plantSilence(
  database: Database,
  { roomId, pair, isWarned, isDue }: SilenceWish,
): Promise<PlantedSilence> {
  const users = idsOf(pair);
  const values = [roomId, ...users, past.fresh.epoch, isDue ? dueSeconds : aheadSeconds, isWarned];
  const statement = loadStatement("reference/drill-silent-room");
  const [row] = await database.query<{ dueAt: number; staleAt: number }>(statement, values);
  const { dueAt = 0, staleAt = 0 } = row ?? {};
  return { roomId, users, next: isWarned ? "torch:ended" : "torch:warning", dueAt, staleAt };
}

/** Of one user, before the drill raises it out of everybody's way. */
const linksPerHour = 20;
const linksLeft = 2;

async function plantLimit(database: Database, { userId }: Account): Promise<UsedLimit> {
  const values = [userId, linksPerHour * limitScale - linksLeft];
  const [row] = await database.query<{ windowEndsAt: number }>(loadStatement("reference/drill-used-limit"), values);
  return { userId, left: linksLeft, windowEndsAt: row?.windowEndsAt ?? 0 };
}

function idsOf([one, two]: readonly [Account, Account]): readonly [string, string] {
  return [one.userId, two.userId];
}

/** A room that could come back by itself. */
export interface Contender {
  readonly room: { readonly roomId: string; readonly startedAt: number | null };
  readonly users: readonly string[];
}

/** A user has one room: of several that could come back the newest does, by its start and then by the id. */
export interface Contest {
  /** In any order. */
  add(contender: Contender): void;
  /** Rooms that a newer one of a user of theirs takes the place of: room → that newer room. */
  losers(): ReadonlyMap<string, string>;
}

/** A power of two, and several times the users of a large recovery. */
const slots = 2 ** 20;
/** How many slots in a row a user may take: enough, unless most of them are taken. */
const longestProbe = 16;

/**
 * Hardly any room shares a user with another, and a Map of all users would cost more than all else that is done with a
 * room. So this remembers in slots, by the hash of a user, which room came first; only rooms that meet there are held
 * against each other. A user who is in the room that `knownRoomOf` says is in no other one.
 */
export function createContest(knownRoomOf: (user: string) => string | undefined = () => undefined): Contest {
  const contenders: Contender[] = [];
  /** Numbers of rooms, counted from 1. */
  const taken = new Int32Array(slots);
  const contested = new Set<Contender>();
  const meet = (user: string, contender: Contender, number: number) => {
    const first = hashOf(user);
    for (let probe = 0; probe < longestProbe; probe += 1) {
      const slot = (first + probe) & (slots - 1);
      const other = contenders[(taken[slot] || number) - 1];
      if (other === contender) taken[slot] = number;
      else if (!other?.users.includes(user)) continue;
      else contested.add(other).add(contender);
      return;
    }
    // Too many users for the slots: whoever shares this one finds them full as well.
    contested.add(contender);
  };
  return {
    add(contender) {
      const number = contenders.push(contender);
      for (const user of contender.users) {
        meet(user, contender, number);
        if (knownRoomOf(user) !== undefined) contested.add(contender);
      }
    },
    losers() {
      const losers = new Map<string, string>();
      const roomOf = new Map<string, string>();
      for (const { room, users } of [...contested].sort(byNewest)) {
        const newer = users.map((user) => roomOf.get(user) ?? knownRoomOf(user));
        const winner = newer.find((other) => other !== undefined && other !== room.roomId);
        if (winner !== undefined) losers.set(room.roomId, winner);
        else for (const user of users) roomOf.set(user, room.roomId);
      }
      return losers;
    },
  };
}

/** The end of an id differs most, whether ids are numbers, random or begin with the time. */
const hashedCharacters = 12;

/** FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashOf(user: string): number {
  let hash = 0x811c9dc5;
  for (let index = Math.max(0, user.length - hashedCharacters); index < user.length; index += 1) {
    hash = Math.imul(hash ^ user.charCodeAt(index), 0x01000193);
  }
  return hash ^ (hash >>> 20);
}

/** By start, then by the id, so that every run picks the same room. */
function byNewest({ room: a }: Contender, { room: b }: Contender): number {
  return (b.startedAt ?? 0) - (a.startedAt ?? 0) || (a.roomId < b.roomId ? 1 : -1);
}

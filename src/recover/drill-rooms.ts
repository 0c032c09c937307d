import type { Operation, RoomView, Sighting, Story } from "./drill-model.js";

/** What users were told of one room, and what they did to it. Moments as in the story; undefined where it never was. */
export interface RoomStory {
  readonly roomId: string;
  /** First and second user, as the row has them. */
  readonly users: readonly [string, string];
  readonly mode: "video" | "text";
  readonly cycle: number;
  /** When somebody was first told that it is there. */
  readonly toldAt: number;
  /** When somebody was first told that it is over. */
  readonly endToldAt: number | undefined;
  /** When its end was acknowledged as durable. */
  readonly endDurableAt: number | undefined;
  /** The end of its grace as last told, unless somebody tried to return after that. */
  readonly deadline: number | undefined;
  /** The last telling of its state, and whether anything has been done to it since. */
  readonly last: { readonly at: number; readonly view: RoomView; readonly actor: string };
  readonly changedAt: number;
}

interface Telling {
  readonly at: number;
  readonly cycle: number;
  readonly actor: string;
  readonly view: RoomView;
  /** Said with something that took time: what was told meanwhile may be newer. */
  readonly isAged: boolean;
}

/** Every room that somebody was told of, by its id. */
export function readRooms(story: Story): ReadonlyMap<string, RoomStory> {
  const tellings = listTellings(story);
  const efforts = groupBy(listEfforts(story), ({ roomId }) => roomId ?? "");
  const rooms = new Map<string, RoomStory>();
  for (const [roomId, told] of groupBy(tellings, ({ view }) => view.roomId)) {
    const room = tell(told, efforts.get(roomId) ?? []);
    if (room) rooms.set(roomId, room);
  }
  return rooms;
}

/** What was asked and told from one moment to another: the life of one server. */
export function between({ operations, sightings }: Story, from: number, to: number): Story {
  const isInside = ({ at }: { readonly at: number }) => at >= from && at <= to;
  return {
    operations: operations
      .filter(({ invokedAt }) => isInside({ at: invokedAt }))
      .map((operation) => (operation.settled && !isInside(operation.settled) ? unsettled(operation) : operation)),
    sightings: sightings.filter(isInside),
  };
}

function unsettled({ settled: _later, ...operation }: Operation): Operation {
  return operation;
}

/** Items by what `keyOf` says of each, in their order. */
export function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): ReadonlyMap<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function listTellings({ operations, sightings }: Story): readonly Telling[] {
  const answered = operations.flatMap(({ actor, cycle, name, settled }) =>
    settled?.outcome === "ok" && settled.room
      ? [{ at: settled.at, cycle, actor, view: settled.room, isAged: name === "room:rejoin" }]
      : [],
  );
  const seen = sightings.flatMap(({ at, cycle, actor, room }: Sighting) =>
    room ? [{ at, cycle, actor, view: room, isAged: false }] : [],
  );
  return [...answered, ...seen].sort((a, b) => a.at - b.at);
}

/** What users did to their rooms: whatever they were told before may be over by then. */
function listEfforts({ operations }: Story): readonly Operation[] {
  const names = ["room:rejoin", "room:leave", "drop", "connect"];
  return operations.filter(({ name, roomId }) => names.includes(name) && roomId !== undefined);
}

function tell(told: readonly Telling[], efforts: readonly Operation[]): RoomStory | undefined {
  const first = told[0];
  const last = told.filter(({ isAged }) => !isAged).at(-1) ?? first;
  if (!first || !last) return undefined;
  const left = efforts.flatMap(({ name, settled }) =>
    name === "room:leave" && settled?.outcome === "ok" ? [settled] : [],
  );
  const over = told.filter(({ view }) => view.status === "ended").map(({ at }) => at);
  const away = last.view.status === "grace_period" ? last : undefined;
  const returned = efforts.filter(({ name }) => name === "room:rejoin" || name === "connect");
  const hasReturned = returned.some(({ invokedAt }) => away !== undefined && invokedAt > away.at);
  const { view, actor, cycle } = first;
  return {
    roomId: view.roomId,
    users: view.initiator ? [actor, view.partner.userId] : [view.partner.userId, actor],
    mode: view.mode,
    cycle,
    toldAt: first.at,
    endToldAt: earliest([...over, ...left.map(({ at }) => at)]),
    endDurableAt: earliest(left.filter(({ durable }) => durable).map(({ at }) => at)),
    deadline: hasReturned ? undefined : (away?.view.graceExpiresAt ?? undefined),
    last: { at: last.at, view: last.view, actor: last.actor },
    changedAt: Math.max(last.at, ...efforts.map(({ invokedAt }) => invokedAt)),
  };
}

function earliest(moments: readonly number[]): number | undefined {
  return moments.length === 0 ? undefined : Math.min(...moments);
}

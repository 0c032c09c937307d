import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import { bounded } from "./bounded.js";
import { withDatabase } from "./durable.js";
import type { Room } from "./model.js";
import { isProblem, type Problem, problem } from "./problem.js";

export interface NewReport {
  readonly roomId: string;
  readonly reason: string;
}

/**
 * Reports the other side of a room that the caller is or was in, with what is known of that room as evidence. Committed.
 * `not_found` for a room that the caller never was in: it is not said whether it exists.
 */
export async function createReport(
  access: Access,
  reporter: string,
  { roomId, reason }: NewReport,
): Promise<{ readonly reportId: string } | Problem> {
  const { state, settings } = access.context;
  const room = state.rooms.get(roomId);
  if (room !== undefined && !isMember(room, reporter)) return noSuchRoom();
  // Of a room that ended a moment ago, the history may still be on its way.
  if (room === undefined && state.rooms.isPending(roomId)) {
    await bounded(state.rooms.settled(), settings.durableWaitMs);
  }
  const found = await withDatabase(access.context, (database) =>
    room === undefined
      ? database.query<{ reportId: string }>(loadStatement("server/reports-add-past"), [reporter, roomId, reason])
      : database.query<{ reportId: string }>(loadStatement("server/reports-add-live"), [
          reporter,
          reporter === room.user1 ? room.user2 : room.user1,
          roomId,
          reason,
          JSON.stringify(evidenceOf(access, room)),
        ]),
  );
  if (isProblem(found)) return found;
  const [report] = found;
  return report ?? noSuchRoom();
}

/** As memory has it; the statement adds how many messages there are. */
function evidenceOf(access: Access, room: Room): object {
  const { rows } = access.context.state;
  const endedAt = room.endedAt ?? access.now();
  return {
    source: "memory",
    roomId: room.roomId,
    mode: room.chatMode,
    status: room.endedAt === null ? room.status : "ended",
    userIds: [room.user1, room.user2],
    startedAt: rows.at(room.startedAt),
    endedAt: room.endedAt === null ? null : rows.at(room.endedAt),
    durationSeconds: Math.max(0, Math.round((endedAt - room.startedAt) / 1000)),
  };
}

function isMember({ user1, user2 }: Room, userId: string): boolean {
  return userId === user1 || userId === user2;
}

function noSuchRoom(): Problem {
  return problem("not_found", "you were in no such room");
}

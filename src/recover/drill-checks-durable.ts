import { type Case, type Check, violate } from "./drill-case.js";
import type { Violation } from "./drill-invariants.js";
import type { MessageRow, Operation, Settled } from "./drill-model.js";
import { groupBy } from "./drill-rooms.js";

/** I1: messages, ends, links and accounts that were acknowledged as durable are in the rows, as they were told. */
export const checkDurable: Check = (facts) => [
  ...checkMessages(facts),
  ...checkEnds(facts),
  ...checkLinks(facts),
  ...checkAccounts(facts),
];

/** I2 and I4 of messages: no other than those that were sent, each once, in the order of their acknowledgements. */
export const checkInvented: Check = (facts) => {
  const sent = new Map(operationsOf(facts, "chat:message").map((operation) => [operation.subject, operation]));
  const invented = facts.rows.messages.flatMap((row) => {
    const operation = sent.get(row.messageId);
    const isSent = operation !== undefined && operation.body === row.body && operation.actor === row.sender;
    const room = facts.rooms.get(row.roomId);
    // Of a room that is older than what the history still knows, so may its messages be.
    const isJudged = room !== undefined && room.cycle >= facts.evidence.cycle - 2;
    return violate(facts, isJudged && !(isSent && operation.roomId === row.roomId), [
      "I2",
      row.messageId,
      `the message ${row.messageId} is in the rows, and nobody sent it like that`,
    ]);
  });
  return [...invented, ...checkOrder(facts), ...checkRooms(facts)];
};

function checkMessages(facts: Case): readonly Violation[] {
  const rows = new Map(facts.rows.messages.map((row) => [row.messageId, row]));
  const acknowledged = operationsOf(facts, "chat:message").flatMap(({ subject = "", settled }) =>
    settled?.outcome === "ok" && settled.durable === true
      ? judgeMessage(facts, { id: subject, how: "acknowledged", row: rows.get(subject), settled })
      : [],
  );
  const seen = facts.story.sightings.flatMap(({ message }) =>
    message ? judgeMessage(facts, { id: message.messageId, how: "delivered", row: rows.get(message.messageId) }) : [],
  );
  const read = facts.readBack.operations.flatMap((operation) => checkRead(facts, operation));
  return [...acknowledged, ...seen, ...read];
}

interface Judged {
  readonly id: string;
  readonly how: string;
  readonly row: MessageRow | undefined;
  readonly settled?: Settled;
}

function judgeMessage(facts: Case, { id, how, row, settled }: Judged): readonly Violation[] {
  if (!row) return violate(facts, true, ["I1", id, `the message ${id} was ${how}, and is lost`]);
  const told = settled?.message?.sequence;
  const isMoved = told !== undefined && told !== row.sequence;
  return violate(facts, isMoved, ["I1", id, `the message ${id} was number ${told}, and is number ${row.sequence}`]);
}

/** A rejoin shows every message of the room that is durable, so all of those acknowledged before it. */
function checkRead(facts: Case, { name, roomId, invokedAt, settled }: Operation): readonly Violation[] {
  if (name !== "room:rejoin" || !settled?.messages) return [];
  const shown = new Set(settled.messages.map(({ messageId }) => messageId));
  const missing = operationsOf(facts, "chat:message").find(
    (sent) =>
      sent.roomId === roomId &&
      sent.settled?.outcome === "ok" &&
      sent.settled.durable === true &&
      sent.settled.at < invokedAt &&
      !shown.has(sent.subject ?? ""),
  );
  const id = missing?.subject ?? "";
  return violate(facts, missing !== undefined, ["I1", id, `the message ${id} was acknowledged; a rejoin lacks it`]);
}

function checkEnds(facts: Case): readonly Violation[] {
  const { histories, completions } = facts.rows;
  const counts = [histories, completions].map((rows) => groupBy(rows, ({ roomId }) => roomId));
  return [...facts.rooms.values()].flatMap(({ roomId, endDurableAt }) => {
    if (endDurableAt === undefined) return [];
    const [told, completed] = counts.map((count) => count.get(roomId)?.length ?? 0);
    return violate(facts, told !== 2 || completed !== 2, [
      "I1",
      roomId,
      `the end of the room ${roomId} was acknowledged as durable; it has ${told} of 2 histories, ${completed} of 2 completions`,
    ]);
  });
}

function checkLinks(facts: Case): readonly Violation[] {
  const targets = new Map(facts.rows.links.map(({ code, target }) => [code, target]));
  return operationsOf(facts, "link").flatMap(({ settled, actor }) => {
    const code = settled?.found?.[0];
    if (settled?.durable !== true || code === undefined) return [];
    const isThere = targets.get(code) === actor;
    return violate(facts, !isThere, ["I1", code, `the link ${code} was acknowledged, and its row is not there`]);
  });
}

function checkAccounts(facts: Case): readonly Violation[] {
  const known = new Set(facts.rows.users.map(({ userId }) => userId));
  return operationsOf(facts, "account").flatMap(({ settled }) => {
    const id = settled?.outcome === "ok" ? settled.found?.[0] : undefined;
    const isLost = id !== undefined && !known.has(id);
    return violate(facts, isLost, ["I1", id ?? "", `the account ${id} was acknowledged, and is lost`]);
  });
}

/** A message that was acknowledged before another of its room was sent has the lower number. */
function checkOrder(facts: Case): readonly Violation[] {
  const sent = firstSendings(operationsOf(facts, "chat:message")).filter(({ settled }) => settled?.message);
  return [...groupBy(sent, ({ roomId }) => roomId)].flatMap(([roomId = "", messages]) => {
    const ordered = messages.toSorted((a, b) => a.invokedAt - b.invokedAt);
    const wrong = ordered.find((later) => ordered.some((earlier) => isOvertaken(earlier, later)));
    return violate(facts, wrong !== undefined, [
      "I4",
      roomId,
      `the message ${wrong?.subject} of the room ${roomId} has a lower number than one acknowledged before it was sent`,
    ]);
  });
}

/** Sent again, a message keeps the number that it got at first. */
function firstSendings(operations: readonly Operation[]): readonly Operation[] {
  return [...groupBy(operations, ({ subject }) => subject).values()].flatMap((sendings) => sendings.slice(0, 1));
}

function isOvertaken({ settled: before }: Operation, { settled: after, invokedAt }: Operation): boolean {
  if (!before?.message || !after?.message || before.at >= invokedAt) return false;
  return before.message.sequence >= after.message.sequence;
}

/** A room that nobody was told of is one of two users who looked for a partner. */
function checkRooms(facts: Case): readonly Violation[] {
  const names = ["queue:join", "invite:send", "invite:accept"];
  const seeking = new Set(facts.story.operations.filter(({ name }) => names.includes(name)).map(({ actor }) => actor));
  const { planted, knownBefore } = facts.evidence;
  const expected = new Set([...planted.map(({ roomId }) => roomId), ...knownBefore]);
  return facts.rows.rooms.flatMap(({ roomId, user1, user2, status }) => {
    const isExplained =
      status === "ended" ||
      facts.rooms.has(roomId) ||
      expected.has(roomId) ||
      (seeking.has(user1) && seeking.has(user2));
    return violate(facts, !isExplained, ["I2", roomId, `the room ${roomId} is in the rows, and nobody asked for it`]);
  });
}

function operationsOf({ story }: Case, name: Operation["name"]): readonly Operation[] {
  return story.operations.filter((operation) => operation.name === name);
}

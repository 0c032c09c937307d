import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { acceptInvite, declineInvite, sendInvite } from "../../src/server/invites.js";
import { arrive, depart } from "../../src/server/presence.js";
import { joinQueue } from "../../src/server/queue.js";
import type { Realtime } from "../../src/server/realtime.js";
import { leaveRoom } from "../../src/server/rooms-end.js";
import { createRealtimeFixture } from "../support/server-realtime.js";

function connect(realtime: Realtime, name = "Ava") {
  const userId = randomUUID();
  arrive(realtime, { userId, name, accountType: "guest" }, "socket");
  return { userId, name, ip: "::1" };
}

function invite(realtime: Realtime) {
  const [from, to] = [connect(realtime, "Ava"), connect(realtime, "Ben")];
  const sent = sendInvite(realtime, from, { toUserId: to.userId, mode: "text" });
  return { from, to, inviteId: sent.ok ? sent.inviteId : "" };
}

test("an invite reaches its target, and brings both into a room when it is accepted", () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  const { from, to, inviteId } = invite(realtime);
  expect(fixture.told(to.userId)).toEqual([
    ["invite:send", { inviteId, fromUserId: from.userId, fromName: "Ava", mode: "text", expiresAt: clock.at + 20_000 }],
  ]);
  const accepted = acceptInvite(realtime, to.userId, inviteId);
  expect(accepted).toMatchObject({ ok: true, room: { mode: "text", initiator: false, partner: { name: "Ava" } } });
  expect(fixture.told(from.userId)).toMatchObject([
    ["room:state", { room: { initiator: true } }],
    ["invite:accept", { inviteId, room: { initiator: true, partner: { name: "Ben" } } }],
  ]);
  expect(realtime.state.invites.size).toBe(0);
  expect(acceptInvite(realtime, to.userId, inviteId)).toMatchObject({ ok: false, code: "invalid" });
  fixture.pass(21_000);
  expect(fixture.told(from.userId)).toEqual([]);
});

test("an invite that is not answered in 20 s is over", () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const { from, to, inviteId } = invite(realtime);
  fixture.told(to.userId);
  fixture.pass(19_000);
  expect(realtime.state.invites.size).toBe(1);
  fixture.pass(1_000);
  const over = [["invite:decline", { inviteId, reason: "timeout" }]];
  expect(fixture.told(from.userId)).toEqual(over);
  expect(fixture.told(to.userId)).toEqual(over);
  expect(acceptInvite(realtime, to.userId, inviteId)).toMatchObject({ ok: false, code: "invalid" });
  expect(sendInvite(realtime, from, { toUserId: to.userId, mode: "text" })).toMatchObject({ ok: true });
});

test("a declined invite is the sender's to hear of, and only its target may answer it", () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const { from, to, inviteId } = invite(realtime);
  const stranger = connect(realtime).userId;
  expect(acceptInvite(realtime, stranger, inviteId)).toMatchObject({ ok: false, code: "invalid" });
  expect(acceptInvite(realtime, from.userId, inviteId)).toMatchObject({ ok: false, code: "invalid" });
  expect(declineInvite(realtime, stranger, inviteId)).toMatchObject({ ok: false, code: "invalid" });
  expect(declineInvite(realtime, to.userId, inviteId)).toEqual({ ok: true });
  expect(fixture.told(from.userId)).toEqual([["invite:decline", { inviteId, reason: "declined" }]]);
});

test.each(["from", "to"] as const)("an invite is gone when %s goes away", (side) => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const { from, to, inviteId } = invite(realtime);
  const [leaver, other] = side === "from" ? [from, to] : [to, from];
  fixture.told(other.userId);
  depart(realtime, leaver.userId);
  expect(fixture.told(other.userId)).toEqual([["invite:decline", { inviteId, reason: "gone" }]]);
  expect([realtime.invitations.byPair.size, realtime.invitations.byUser.size]).toEqual([0, 0]);
});

test("an invite is gone when its sender goes into a room with somebody else", () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const { from, to, inviteId } = invite(realtime);
  fixture.told(to.userId);
  joinQueue(realtime, from.userId, "video");
  joinQueue(realtime, connect(realtime).userId, "video");
  expect(fixture.told(to.userId)).toEqual([["invite:decline", { inviteId, reason: "gone" }]]);
});

test("an invite is refused to who is away, busy, met lately, oneself, or asked already", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const { from, to, inviteId } = invite(realtime);
  const send = (sender: typeof from, toUserId: string) => sendInvite(realtime, sender, { toUserId, mode: "video" });
  expect(send(from, to.userId)).toMatchObject({ ok: false, code: "busy", retryAfterMs: 20_000 });
  expect(send(to, from.userId)).toMatchObject({ ok: false, code: "busy" });
  expect(send(from, from.userId)).toMatchObject({ ok: false, code: "invalid" });
  expect(send(from, randomUUID())).toMatchObject({ ok: false, code: "offline" });
  const accepted = acceptInvite(realtime, to.userId, inviteId);
  const third = connect(realtime);
  expect(send(third, to.userId)).toMatchObject({ ok: false, code: "busy" });
  expect(send(to, third.userId)).toMatchObject({ ok: false, code: "busy" });
  if (accepted.ok) await leaveRoom(realtime, to.userId, accepted.room.roomId);
  expect(send(from, to.userId)).toMatchObject({ ok: false, code: "cooldown" });
});

test("too many invites are refused until the window ends", () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  clock.at += 15_000;
  const from = connect(realtime);
  const codes = Array.from({ length: 22 }, () =>
    sendInvite(realtime, from, { toUserId: connect(realtime).userId, mode: "video" }),
  );
  expect(codes.filter(({ ok }) => ok)).toHaveLength(20);
  expect(codes.at(-1)).toMatchObject({ ok: false, code: "limited", retryAfterMs: 45_000 });
  fixture.pass(45_000);
  expect(sendInvite(realtime, from, { toUserId: connect(realtime).userId, mode: "video" })).toMatchObject({ ok: true });
});

import { openChat } from "/client/chat.js";
import { byId, countDown, say, showView } from "/client/page.js";
import { openRoomCall } from "/client/room-call.js";

const pageOfMessages = 500;
/** What is said before the server knows this side to be here again, it would refuse for good. */
const notSeated = { ok: false, code: "not_seated" };

/** One room on the page, from the first `room:state` until it has ended or the person leaves. */
export function openRoom({ first, me, request, isOnline, findIceServers, serverNow }) {
  let room = first;
  let stopAway = () => {};
  let stopTorch = () => {};
  let isSilent = false;
  let isSeated = false;
  const { roomId } = room;
  const send = (event, payload) => request(event, { roomId, ...payload });
  const sendMessage = (message) => (isSeated ? request("chat:message", message) : notSeated);
  const chat = openChat({ roomId, userId: me.userId, send: sendMessage });
  const isWhole = () => room.status === "active" && room.you.connected && room.partner.connected;
  const call =
    room.mode === "video"
      ? openRoomCall({
          isInitiator: room.initiator,
          name: me.name,
          send,
          mayOffer: () => isOnline() && isWhole(),
          findIceServers,
        })
      : undefined;

  const apply = (next) => {
    room = next;
    const { connected } = room.partner;
    const name = partnerName(room);
    say("partner-name", name);
    byId("partner-state").dataset.state = connected ? "online" : "away";
    say("partner-state", connected ? "here" : "away");
    stopAway();
    byId("away-banner").hidden = room.graceExpiresAt === null;
    if (room.graceExpiresAt !== null) {
      say(
        "away-text",
        connected ? "You were away. The call goes on in a moment:" : `${name} is away. The call ends in`,
      );
      stopAway = countDown(
        () => room.graceExpiresAt - serverNow(),
        (seconds) => say("away-seconds", `${seconds} s`),
      );
    }
    if (isWhole()) call?.beginOnce();
  };

  byId("room").dataset.mode = room.mode;
  byId("call").hidden = room.mode !== "video";
  byId("room").dataset.roomId = roomId;
  byId("torch-banner").hidden = true;
  showView("room");
  apply(room);

  return {
    roomId,
    room: () => room,
    apply,
    /** Takes the seat (again) and what was said meanwhile. Answers what is still to be asked for, or undefined. */
    async join(event) {
      let after = chat.knownUpTo();
      for (;;) {
        const answer = await request(event, { roomId, after });
        if (!answer.ok) return answer;
        isSeated = true;
        answer.messages.forEach(chat.receive);
        apply(answer.room);
        chat.flush();
        if (answer.complete === false) return { isSeated: true, retryAfterMs: 1000 };
        if (answer.messages.length < pageOfMessages) return undefined;
        after = answer.messages.at(-1).sequence;
      }
    },
    /** The connection is gone: what is written waits until this side has joined again. */
    loseSeat() {
      isSeated = false;
    },
    write(body) {
      isSilent = false;
      chat.write(body);
    },
    receiveMessage: chat.receive,
    receiveSignal: (event, payload) => call?.receive(event, payload),
    restartCall: () => call?.restart(),
    /** Each silent side has a warning of its own; one's own matters more. */
    warn(warning) {
      stopTorch();
      byId("torch-banner").hidden = warning.cleared === true;
      isSilent = !warning.cleared && (isSilent || warning.userId === me.userId);
      if (warning.cleared) return;
      const whose = isSilent ? "Are you still there? Write something, or" : `${partnerName(room)} is silent:`;
      say("torch-text", `${whose} the chat ends in`);
      stopTorch = countDown(
        () => warning.endsAt - serverNow(),
        (seconds) => say("torch-seconds", `${seconds} s`),
      );
    },
    close() {
      stopAway();
      stopTorch();
      chat.close();
      chat.discard();
      call?.close();
    },
  };
}

/** A server that has just started may not have learned every name yet. */
export function partnerName(room) {
  return room.partner.name || "Your partner";
}

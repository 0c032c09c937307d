import { callIdOf, openPeer } from "/client/peer.js";

const impatienceMs = 6000;

/**
 * The call of one room: peer connections that follow one another. The initiator offers; after `restart` both sides
 * begin a new connection, and the one before goes on until the new one stands, so that nobody sees a gap.
 * `onState(state, generation)` hears of the newest connection, `onStream` of the picture to show; `mayOffer` says
 * whether the other side can be reached, and `findIceServers` answers where to find ways through NATs.
 */
export function openCall({ isInitiator, stream, send, mayOffer, findIceServers, onState, onStream }) {
  let peer;
  let before;
  let generation = 0;
  let isClosed = false;
  let patience;

  const begin = (callId, iceServers) => {
    if (peer?.state() === "connected") {
      before?.close();
      before = peer;
    } else {
      peer?.close();
    }
    generation += 1;
    const mine = openPeer({
      callId,
      iceServers,
      stream,
      send,
      onState: (state) => mine === peer && hear(state),
      onStream: (remote) => mine === peer && onStream(remote),
    });
    peer = mine;
    hear("connecting");
  };

  const hear = (state) => {
    onState(state, generation);
    clearTimeout(patience);
    if (state === "connected") {
      before?.close();
      before = undefined;
    } else if (!isClosed) {
      // An offer can be lost on its way; the side that does not offer by itself is the more patient one.
      const waitMs = isInitiator ? impatienceMs : impatienceMs * 2;
      patience = setTimeout(() => (mayOffer() ? inOrder(offer) : hear(state)), state === "failed" ? 500 : waitMs);
    }
  };

  const offer = async (iceServers) => {
    begin(crypto.randomUUID(), iceServers);
    await peer.offer();
  };

  const steps = {
    "rtc:offer": async (iceServers, { description }) => {
      // Both offered at once: the initiator's counts.
      if (isInitiator && peer?.isWaitingForAnswer()) return;
      begin(callIdOf(description), iceServers);
      await peer.answer(description);
    },
    "rtc:answer": async (_iceServers, { description }) => {
      if (peer?.isWaitingForAnswer() && callIdOf(description) === peer.callId) await peer.accept(description);
    },
    "rtc:ice": (_iceServers, { candidate }) => peer?.addCandidate(candidate),
  };

  let last = Promise.resolve();
  /** One step after the other: each changes what the next one meets. */
  const inOrder = (step, payload) => {
    last = last
      .then(findIceServers)
      .then((iceServers) => (isClosed ? undefined : step(iceServers, payload)))
      .catch(() => hear("failed"));
    return last;
  };

  return {
    receive: (event, payload) => inOrder(steps[event], payload),
    /** A new connection: the initiator offers it, the other side waits for that offer. */
    restart: () => (isInitiator ? inOrder(offer) : inOrder(() => hear("connecting"))),
    hasBegun: () => peer !== undefined,
    bytesReceived: () => peer?.bytesReceived() ?? Promise.resolve(0),
    close() {
      isClosed = true;
      clearTimeout(patience);
      before?.close();
      peer?.close();
    },
  };
}

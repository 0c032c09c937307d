/**
 * One RTCPeerConnection and the talk that belongs to it. Both sides know it by `callId`, which travels as the name of
 * the session in the SDP (`s=`): what is still under way for an earlier connection is then told from what is for this.
 */
export function openPeer({ callId, iceServers, stream, send, onState, onStream }) {
  const connection = new RTCPeerConnection({ iceServers });
  // Candidates leave after the description that they belong to, so that the other side never has to keep them.
  let waiting = [];
  const sendDescription = async (event) => {
    const { type, sdp } = connection.localDescription;
    await send(event, { description: { type, sdp: sdp.replace(/^s=.*$/m, `s=${callId}`) } });
    const candidates = waiting;
    waiting = undefined;
    for (const candidate of candidates) send("rtc:ice", { candidate });
  };

  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  connection.ontrack = ({ streams }) => streams[0] && onStream(streams[0]);
  connection.onconnectionstatechange = () => onState(connection.connectionState);
  connection.onicecandidate = ({ candidate }) => {
    if (candidate === null) return;
    if (waiting) waiting.push(candidate.toJSON());
    else send("rtc:ice", { candidate: candidate.toJSON() });
  };

  return {
    callId,
    isWaitingForAnswer: () => connection.signalingState === "have-local-offer",
    state: () => connection.connectionState,
    async offer() {
      await connection.setLocalDescription(await connection.createOffer());
      await sendDescription("rtc:offer");
    },
    async answer(offer) {
      await connection.setRemoteDescription(offer);
      await connection.setLocalDescription(await connection.createAnswer());
      await sendDescription("rtc:answer");
    },
    accept: (answer) => connection.setRemoteDescription(answer),
    async addCandidate(candidate) {
      // One that this browser cannot use is no fault of the call: the others are tried.
      if (isOf(connection.remoteDescription, candidate)) await connection.addIceCandidate(candidate).catch(() => {});
    },
    bytesReceived: () => bytesReceived(connection),
    close() {
      connection.onconnectionstatechange = null;
      connection.close();
    },
  };
}

/** The `callId` that a description was sent under. */
export function callIdOf(description) {
  return /^s=(\S+)/m.exec(description?.sdp ?? "")?.[1];
}

/** A candidate of a connection that is no more names another fragment. */
function isOf(description, candidate) {
  if (!description || !candidate) return false;
  const fragment = candidate.usernameFragment;
  return !fragment || description.sdp.includes(`a=ice-ufrag:${fragment}`);
}

async function bytesReceived(connection) {
  let bytes = 0;
  for (const report of (await connection.getStats()).values()) {
    if (report.type === "inbound-rtp") bytes += report.bytesReceived;
  }
  return bytes;
}

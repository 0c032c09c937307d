import { openCall } from "/client/call.js";
import { openMedia } from "/client/media.js";
import { byId, say } from "/client/page.js";

const lines = {
  new: "Starting the call…",
  connecting: "Connecting the call…",
  connected: "Call connected",
  disconnected: "The call stutters…",
  failed: "Trying the call again…",
  closed: "The call is over",
};

/** The call of a room and what the page shows of it: pictures, state, what comes in, and three switches. */
export function openRoomCall({ isInitiator, name, send, mayOffer, findIceServers }) {
  const frame = byId("call");
  const show = (state, generation) => {
    frame.dataset.state = state;
    frame.dataset.generation = generation;
    say("call-state", lines[state] ?? state);
  };
  show("new", 0);
  say("call-rate", "");
  // Media can take a while (a person is asked): what comes meanwhile waits for it.
  const ready = openMedia(name).then((media) => {
    byId("local").srcObject = media.stream;
    if (media.problem) say("call-rate", media.problem);
    const onStream = (stream) => play(byId("remote"), stream);
    const { stream } = media;
    return { media, call: openCall({ isInitiator, stream, send, mayOffer, findIceServers, onState: show, onStream }) };
  });
  const switches = [
    bindSwitch("microphone", (isOff) => setEnabled(ready, "audio", !isOff)),
    bindSwitch("camera", (isOff) => setEnabled(ready, "video", !isOff)),
    bindSwitch("sound", (isOff) => {
      byId("remote").muted = isOff;
    }),
  ];
  const stopMeter = startMeter(ready, frame);

  return {
    /** The first offer; later ones come from `restart`. */
    beginOnce: () => ready.then(({ call }) => (isInitiator && !call.hasBegun() ? call.restart() : undefined)),
    restart: () => ready.then(({ call }) => call.restart()),
    receive: (event, payload) => ready.then(({ call }) => call.receive(event, payload)),
    close() {
      stopMeter();
      for (const unbind of switches) unbind();
      byId("remote").srcObject = null;
      byId("local").srcObject = null;
      ready.then(({ media, call }) => {
        call.close();
        media.stop();
      });
    },
  };
}

async function play(video, stream) {
  video.srcObject = stream;
  const error = await startPlaying(video);
  if (error?.name !== "NotAllowedError") return;
  // After a reload the browser wants a click before it plays sound: the picture alone until then.
  byId("sound").click();
  await startPlaying(video);
}

/** Answers why not. Another picture that comes in between is one reason, and that one plays then. */
function startPlaying(video) {
  return video.play().then(
    () => undefined,
    (error) => error,
  );
}

/** Bytes of the newest connection on the frame, and their rate on the page, each second. */
function startMeter(ready, frame) {
  let bytes = 0;
  const timer = setInterval(async () => {
    const { call } = await ready;
    const received = await call.bytesReceived();
    frame.dataset.bytes = received;
    const kilobits = Math.max(0, Math.round(((received - bytes) * 8) / 1000));
    bytes = received;
    if (frame.dataset.state === "connected") say("call-rate", `· ${kilobits} kbit/s`);
  }, 1000);
  return () => clearInterval(timer);
}

async function setEnabled(ready, kind, isEnabled) {
  const { media } = await ready;
  for (const track of media.stream.getTracks()) if (track.kind === kind) track.enabled = isEnabled;
}

/** A button that is pressed while its thing is off. Begins not pressed; returns what unbinds it. */
function bindSwitch(id, onChange) {
  const button = byId(id);
  const toggle = () => {
    const isOff = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isOff));
    onChange(isOff);
  };
  button.setAttribute("aria-pressed", "false");
  onChange(false);
  button.addEventListener("click", toggle);
  return () => button.removeEventListener("click", toggle);
}

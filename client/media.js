/**
 * What this side sends: a drawn picture and a soft tone, so that a call can be tried on any machine; with
 * `?media=real` the camera and the microphone. Answers `{ stream, problem?, stop }`.
 */
export async function openMedia(name) {
  if (new URLSearchParams(location.search).get("media") !== "real") return openFakeMedia(name);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
    return { stream, stop: () => stopTracks(stream) };
  } catch (error) {
    return { ...openFakeMedia(name), problem: `No camera or microphone (${error.name}): a drawn picture is sent.` };
  }
}

function openFakeMedia(name) {
  const canvas = document.createElement("canvas");
  canvas.width = 480;
  canvas.height = 360;
  const context = canvas.getContext("2d");
  const draw = () => drawFace(context, name);
  draw();
  // Not requestAnimationFrame, which stands still while the page is in the background.
  const timer = setInterval(draw, 1000 / 12);
  const stream = canvas.captureStream(12);
  const tone = openTone();
  stream.addTrack(tone.track);
  return {
    stream,
    stop: () => {
      clearInterval(timer);
      tone.stop();
      stopTracks(stream);
    },
  };
}

function drawFace(context, name) {
  const { width, height } = context.canvas;
  const seconds = Date.now() / 1000;
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  context.fillStyle = `hsl(${hue} 45% 24%)`;
  context.fillRect(0, 0, width, height);
  for (let ring = 3; ring > 0; ring -= 1) {
    context.fillStyle = `hsl(${hue} 60% ${28 + ring * 7}% / 55%)`;
    context.beginPath();
    context.arc(width / 2, height / 2, 56 + ring * 20 + 9 * Math.sin(seconds * 2 + ring), 0, Math.PI * 2);
    context.fill();
  }
  context.fillStyle = "#ffffff";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = "600 88px system-ui, sans-serif";
  context.fillText([...name.trim()][0]?.toUpperCase() ?? "?", width / 2, height / 2 + 4);
  // Something that visibly moves: a picture that stands still can be told from one that plays.
  const angle = seconds * 2.4;
  context.beginPath();
  context.arc(width / 2 + Math.cos(angle) * 140, height / 2 + Math.sin(angle) * 140, 8, 0, Math.PI * 2);
  context.fill();
}

/** A short soft beep each second. The track is silent until the browser lets the page make sound. */
function openTone() {
  const audio = new AudioContext();
  const oscillator = new OscillatorNode(audio, { frequency: 330 });
  const volume = new GainNode(audio, { gain: 0 });
  const destination = audio.createMediaStreamDestination();
  oscillator.connect(volume).connect(destination);
  oscillator.start();
  // Fails when the call ends before the browser decides: nobody hears it then anyway.
  const allow = () => audio.resume().catch(() => {});
  document.addEventListener("pointerdown", allow, { once: true });
  // The clock of the sound may stand while the page's goes on, and no two beeps may overlap.
  let silentFrom = 0;
  const timer = setInterval(() => {
    if (audio.state !== "running" || audio.currentTime < silentFrom) return;
    volume.gain.setValueCurveAtTime([0, 0.05, 0.05, 0], audio.currentTime, 0.15);
    silentFrom = audio.currentTime + 0.5;
  }, 1000);
  return {
    track: destination.stream.getAudioTracks()[0],
    stop: () => {
      clearInterval(timer);
      document.removeEventListener("pointerdown", allow);
      audio.close();
    },
  };
}

function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** The element of that id; every one that the scripts use is in index.html. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element #${id} in the page`);
  return element;
}

const views = ["start", "lobby", "room", "over"];

/** Shows one view and puts the keyboard where a person goes on. */
export function showView(name) {
  for (const view of views) byId(view).hidden = view !== name;
  const first = { start: "name", lobby: "lobby-title", room: "partner-name", over: "over-title" }[name];
  byId(first).focus();
}

/** Sets a live region's text only when it changes: the same text again would be read out again. */
export function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Calls `onSeconds` with the whole seconds left, at once and at every change, and with 0 once at the end.
 * `leftMs` is asked each time, so that a deadline that moves is followed. Returns what stops it.
 */
export function countDown(leftMs, onSeconds) {
  let shown;
  const tick = () => {
    const seconds = Math.max(0, Math.ceil(leftMs() / 1000));
    if (seconds === shown) return;
    shown = seconds;
    onSeconds(seconds);
    if (seconds === 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 200);
  tick();
  return () => clearInterval(timer);
}

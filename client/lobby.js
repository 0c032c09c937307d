import { problemOf } from "/client/account.js";
import { byId, countDown, say, showView } from "/client/page.js";

/** Where a person waits: the queue, one's own link, and the call of whoever sent one a link. */
export function openLobby({ request }) {
  // A link that was opened names who is to be called.
  let calledUserId = new URLSearchParams(location.search).get("call");
  let queuedFor;
  let inviteId;
  let stopCounting = () => {};

  const settle = (problem = "") => {
    stopCounting();
    queuedFor = undefined;
    inviteId = undefined;
    byId("waiting").hidden = true;
    byId("choose").hidden = false;
    say("lobby-problem", problem);
  };
  const wait = (text) => {
    say("lobby-problem", "");
    byId("choose").hidden = true;
    byId("waiting").hidden = false;
    byId("waiting-seconds").textContent = "";
    say("waiting-text", text);
  };
  const turnToQueue = (problem) => {
    calledUserId = null;
    history.replaceState(null, "", location.pathname);
    say("choose-lead", "Who would you like to meet?");
    settle(problem);
  };

  const join = async (mode) => {
    queuedFor = mode;
    wait("Looking for someone to talk to…");
    const answer = await request("queue:join", { mode });
    // Without an answer the wish stands: it is sent again when the server is back.
    if (!answer.ok && answer.code !== "no_answer" && queuedFor === mode) settle(problemOf(answer));
  };
  const call = async (mode) => {
    wait("Ringing…");
    const answer = await request("invite:send", { toUserId: calledUserId, mode });
    if (!answer.ok) return turnToQueue(problemOf(answer));
    inviteId = answer.inviteId;
    const endsAt = performance.now() + 20_000;
    stopCounting = countDown(
      () => endsAt - performance.now(),
      (seconds) => say("waiting-seconds", `${seconds} s`),
    );
  };

  for (const button of byId("choose").querySelectorAll("button")) {
    button.addEventListener("click", () => (calledUserId ? call : join)(button.dataset.mode));
  }
  byId("stop-waiting").addEventListener("click", () => {
    if (queuedFor) request("queue:leave", {});
    settle();
  });
  byId("copy-link").addEventListener("click", async () => {
    byId("link").select();
    await navigator.clipboard?.writeText(byId("link").value).catch(() => {
      // Not allowed here: the link is selected, and the keyboard copies it.
    });
    say("copy-link", "Copied");
  });

  return {
    show({ userId, name }) {
      say("lobby-title", `Hello, ${name}`);
      byId("link").value = `${location.origin}/?call=${userId}`;
      if (calledUserId === userId) turnToQueue("This is your own link: send it to someone else.");
      if (calledUserId) say("choose-lead", "You were sent a link to a call. How would you like to talk?");
      if (byId("lobby").hidden) showView("lobby");
    },
    /** The server has forgotten who waits: says it again. */
    resume: () => queuedFor && join(queuedFor),
    settle,
    join,
    declined(answer) {
      if (answer.inviteId !== inviteId) return;
      const reasons = { declined: "They cannot talk right now.", timeout: "Nobody answered." };
      turnToQueue(reasons[answer.reason] ?? "They are no longer here.");
    },
    showCrowd: ({ online, queued }) => say("crowd", `${online} here now, ${queued} waiting for a call`),
  };
}

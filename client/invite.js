import { byId, countDown, say } from "/client/page.js";

/** The question whether to take a call; the newest one if several ring. */
export function openInvites({ request }) {
  const dialog = byId("invite");
  let current;
  let stopCounting = () => {};

  const close = () => {
    stopCounting();
    current = undefined;
    dialog.close();
  };
  const answer = async (event) => {
    const inviteId = current;
    close();
    if (inviteId) await request(event, { inviteId });
  };
  byId("invite-accept").addEventListener("click", () => answer("invite:accept"));
  byId("invite-decline").addEventListener("click", () => answer("invite:decline"));
  // Escape means no.
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    answer("invite:decline");
  });

  return {
    close,
    ring({ inviteId, fromName, mode, expiresAt }, serverNow) {
      if (current) request("invite:decline", { inviteId: current });
      stopCounting();
      current = inviteId;
      say("invite-title", `${fromName} invites you to a ${mode === "video" ? "video call" : "text chat"}`);
      if (!dialog.open) dialog.showModal();
      stopCounting = countDown(
        () => expiresAt - serverNow(),
        (seconds) => {
          say("invite-seconds", `${seconds} s`);
          if (seconds === 0) close();
        },
      );
    },
  };
}

import { exitCodes, RoomctlError } from "../core/errors.js";

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * How long a command may take to end by itself; a system manager sends one signal and expects it to do. Servers of its
 * own that it has to stop first take their time on a machine that has much else to do.
 */
const patienceMs = 60_000;

/**
 * Turns SIGINT, SIGTERM and SIGHUP (a lost terminal) into an abort, so that a command ends cleanly. A second signal
 * ends the process at once, and so does a command that does not end in time.
 */
export function abortOnSignals(process: NodeJS.Process): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    const isInterrupt = name === "SIGINT";
    const exit = () => process.exit(isInterrupt ? exitCodes.interrupted : exitCodes.terminated);
    if (controller.signal.aborted) exit();
    timer = setTimeout(exit, patienceMs).unref();
    const message = `${isInterrupt ? "interrupted" : "terminated"}; what was not committed is rolled back`;
    const hint = "look at what is there with: roomctl doctor, then run the command again";
    controller.abort(new RoomctlError(isInterrupt ? "E_INTERRUPTED" : "E_TERMINATED", message, { hint }));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release() {
      clearTimeout(timer);
      for (const name of names) process.off(name, onSignal);
    },
  };
}

import { exitCodes, RoomctlError } from "../core/errors.js";

/** Turns SIGINT and SIGTERM into an abort, so that a command ends cleanly; the second signal ends the process at once. */
export function abortOnSignals(process: NodeJS.Process): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    const isInterrupt = name === "SIGINT";
    if (controller.signal.aborted) process.exit(isInterrupt ? exitCodes.interrupted : exitCodes.terminated);
    controller.abort(
      new RoomctlError(
        isInterrupt ? "E_INTERRUPTED" : "E_TERMINATED",
        `${isInterrupt ? "interrupted" : "terminated"}; what was not committed is rolled back`,
      ),
    );
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    release() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

import { RoomctlError } from "../core/errors.js";

/** E_UNSUPPORTED for objects as people call them, each with its reason where there is one. */
export function unsupported(objects: readonly string[]): RoomctlError {
  return new RoomctlError("E_UNSUPPORTED", `unsupported objects: ${objects.join(", ")}`, {
    hint: "install pg_dump of the server's major version or a newer one; docs/backup-catalog.md lists what is written without it",
  });
}

import { messageOf, type RoomctlError } from "../core/errors.js";
import { redact } from "../core/redact.js";
import type { Style } from "./style.js";

/** An error for people: what happened, why, and the command to type next. */
export function errorLines(error: RoomctlError, style: Style): string[] {
  const why = error.cause === undefined ? undefined : messageOf(error.cause);
  const isNews = why !== undefined && why !== "" && !error.message.includes(why);
  return [
    `${style.bad("error:")} ${redact(error.message)} ${style.faint(`[${error.code}]`)}`,
    ...(isNews ? [`  why:  ${redact(why)}`] : []),
    ...(error.hint ? [`  next: ${error.hint}`] : []),
  ];
}

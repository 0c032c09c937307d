import { messageOf, type RoomctlError } from "../core/errors.js";
import { redact } from "../core/redact.js";
import type { Style } from "./style.js";
import { printable } from "./text.js";

/** An error for people: what happened, why, and the command to type next. */
export function errorLines(error: RoomctlError, style: Style): string[] {
  const why = error.cause === undefined ? undefined : messageOf(error.cause);
  const isNews = why !== undefined && why !== "" && !error.message.includes(why);
  return [
    `${style.bad("error:")} ${show(error.message)} ${style.faint(`[${error.code}]`)}`,
    ...(isNews ? [`  why:  ${show(why)}`] : []),
    ...(error.hint ? [`  next: ${show(error.hint)}`] : []),
  ];
}

/** No secret, and nothing in it that talks to the terminal; a message may have several lines. */
function show(text: string): string {
  return redact(text).split("\n").map(printable).join("\n        ");
}

import type { Context, MiddlewareHandler } from "hono";
import { respond } from "./http-answer.js";
import { isProblem, type Problem, problem } from "./problem.js";

/**
 * Reads the body, up to a size, before anything can refuse: what is left unread would have the connection closed, under
 * the next request too. Handlers find it as `text`. Hono's own limit makes a new Request of what is no Request here.
 */
export function takeBody(maxBytes: number): MiddlewareHandler {
  return async (c, next) => {
    const body = await readText(c, maxBytes);
    if (!isProblem(body)) {
      c.set("text", body.text);
      return next();
    }
    // The rest of it is not waited for.
    c.header("Connection", "close");
    return respond(c, body);
  };
}

async function readText(
  c: Context,
  maxBytes: number,
): Promise<{ readonly text: string } | Problem<"invalid" | "too_large">> {
  const tooLarge = problem("too_large", `at most ${maxBytes} bytes`);
  if (Number(c.req.header("Content-Length") ?? 0) > maxBytes) return tooLarge;
  if (c.req.method === "GET" || c.req.method === "HEAD" || c.req.raw.body === null) return { text: "" };
  const reader = c.req.raw.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > maxBytes) return tooLarge;
      chunks.push(part.value);
    }
  } catch {
    // Whoever sent it went away in the middle: nobody waits for the answer.
    return problem("invalid", "the request broke off");
  }
  return { text: Buffer.concat(chunks).toString("utf8") };
}

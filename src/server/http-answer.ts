import type { HttpBindings } from "@hono/node-server";
import type { Context, Env } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";
import type { Identity } from "./model.js";
import { isProblem, type Problem, problem, problemStatus } from "./problem.js";

/** What the routes find in Hono's context. */
export interface HttpEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: {
    readonly ip: string;
    /** The body. */
    readonly text: string;
    /** Set where a route needs a session. */
    readonly identity?: Identity;
    readonly token?: string;
  };
}
export type HttpContext = Context<HttpEnv>;

/** What came of a request, as JSON: the result, with 202 when it is not durable yet, or the problem. */
export function respond(c: Context, outcome: object, status: ContentfulStatusCode = 200): Response {
  if (isProblem(outcome)) return respondProblem(c, outcome);
  const isPending = "durable" in outcome && outcome.durable === false;
  return c.json(outcome, isPending ? 202 : status);
}

function respondProblem(c: Context, { code, message, retryAfterMs, details }: Problem): Response {
  if (retryAfterMs !== undefined) c.header("Retry-After", String(Math.ceil(retryAfterMs / 1000)));
  if (code === "unauthorized") c.header("WWW-Authenticate", "Bearer");
  return c.json({ error: { code, message, retryAfterMs, ...details } }, problemStatus[code]);
}

/** A handler that reads the body by its schema, runs, and answers with what came of it. */
export function endpoint<Schema extends z.ZodType, E extends Env = HttpEnv>(
  schema: Schema,
  run: (input: z.output<Schema>, c: Context<E>) => Promise<object> | object,
  status: ContentfulStatusCode = 200,
) {
  return async (c: Context<E>): Promise<Response> => {
    const body = parseBody(textOf(c));
    const input = isProblem(body) ? body : check(schema, body.json);
    return respond(c, isProblem(input) ? input : await run(input.value, c), status);
  };
}

/** The value as the schema reads it, or a problem that names the field. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { readonly value: z.output<Schema> } | Problem<"invalid"> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") || "body";
  return problem("invalid", `${field}: ${issue?.message ?? "not as expected"}`, { details: { field } });
}

/** As `takeBody` left it. */
function textOf(c: Context): string {
  const text: unknown = c.get("text");
  return typeof text === "string" ? text : "";
}

function parseBody(text: string): { readonly json: unknown } | Problem<"invalid"> {
  if (text === "") return { json: {} };
  try {
    return { json: JSON.parse(text) };
  } catch {
    // The parser's words quote the body, which may hold a token or a code.
    return problem("invalid", "body: not JSON", { details: { field: "body" } });
  }
}

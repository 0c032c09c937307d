import { Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps, Agent as SecureAgent } from "node:https";
import { RoomctlError } from "../core/errors.js";
import { codeOf } from "../db/sqlstate.js";
import { askByHand, type ControlAddress } from "./live-address.js";

export interface ControlLimits {
  /** How long one answer may take, from the question to its last byte. */
  readonly timeoutMs: number;
  /** How long one answer may be. */
  readonly maxBytes: number;
}

export interface ControlOptions extends Partial<ControlLimits> {
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  readonly signal?: AbortSignal;
}

/** A server's control endpoint. Dispose of it: it keeps one connection. */
export interface ControlEndpoint extends Disposable {
  readonly address: ControlAddress;
  /** The JSON of one answer 200. Throws E_CONTROL for anything else: one error that says what, why and what to type. */
  get(path: string): Promise<unknown>;
}

const defaultLimits: ControlLimits = { timeoutMs: 10_000, maxBytes: 64 * 1024 * 1024 };

/** Opens nothing yet. No redirect is followed: an answer comes from the address that was named, or not at all. */
export function openControl(address: ControlAddress, options: ControlOptions = {}): ControlEndpoint {
  const { timeoutMs = defaultLimits.timeoutMs, maxBytes = defaultLimits.maxBytes, token, signal } = options;
  const isHttps = address.base.startsWith("https:");
  const agent = isHttps ? new SecureAgent(connections) : new Agent(connections);
  const headers = { accept: "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  return {
    address,
    async get(path) {
      signal?.throwIfAborted();
      const timeout = AbortSignal.timeout(timeoutMs);
      const either = AbortSignal.any([timeout, ...(signal ? [signal] : [])]);
      try {
        const send: RequestOptions = { agent, headers, signal: either, socketPath: address.socketPath };
        const { status, text } = await ask(`${address.base}${path}`, send, maxBytes);
        if (status !== 200) throw refusal(address, path, status, token !== undefined);
        return parseAnswer(text);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof RoomctlError) throw error;
        const why = timeout.aborted ? `no whole answer within ${timeoutMs / 1000} s` : reasonOf(error);
        throw controlError(address, path, why);
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

const connections = { keepAlive: true, maxSockets: 1 };

/** A failure of the endpoint, as one error: what could not be asked, why, and how to ask by hand. */
export function controlError(address: ControlAddress, path: string, why: string): RoomctlError {
  return new RoomctlError("E_CONTROL", `${address.shown} could not be asked what it holds (${path.split("?")[0]})`, {
    cause: new Error(why),
    hint: askByHand(address, path),
  });
}

function refusal(address: ControlAddress, path: string, status: number, hasToken: boolean): RoomctlError {
  if (status !== 401 && status !== 403) return controlError(address, path, `it answered ${status}`);
  return new RoomctlError("E_CONTROL", `${address.shown} refuses to say what it holds`, {
    cause: new Error(
      `it answered ${status}${hasToken ? " to the token that it was given" : ", and no token was given"}`,
    ),
    hint: `export ROOMCTL_CONTROL_TOKEN=… with the server's own token, then again: roomctl audit --live ${address.shown}`,
  });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

class AnswerError extends Error {}

function ask(url: string, options: RequestOptions, maxBytes: number): Promise<Answer> {
  const start = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = start(url, options, (response) => {
      readBody(response, maxBytes).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    request.on("error", reject);
    request.end();
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  // Leaving the loop ends the connection: what else it would have said is not read.
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maxBytes) throw new AnswerError(`its answer is longer than ${maxBytes.toLocaleString("en-US")} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AnswerError("its answer is no JSON");
  }
}

/** A library's words may quote what was sent, so only the error's code is told. */
function reasonOf(error: unknown): string {
  if (error instanceof AnswerError) return error.message;
  return codeOf(error) ?? "the request failed";
}

import { RoomctlError } from "../core/errors.js";
import type { Failpoints } from "../core/failpoint.js";
import type { Connection, Database } from "../db/pool.js";
import { type Backend, endBackend, prepareWriter } from "../db/writer-session.js";
import { isOutcomeUnknown } from "./failure-class.js";

export interface WriterParts {
  readonly failpoints: Failpoints;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

interface WriterSession {
  readonly connection: Connection;
  readonly backend: Backend | undefined;
}

/** What a statement that failed may have done: nothing for sure, or perhaps all of it. */
interface SendFailure {
  readonly error: unknown;
  readonly isUnknown: boolean;
}

export type Sent = { readonly row: object | undefined } | SendFailure;

/**
 * Sends one statement after the other, each its own transaction. When the answer to one is lost, its process on the server
 * is ended before the next is sent: it has then either committed or never will, and cannot come in late.
 */
export class Writer {
  #lost: Backend | undefined;

  constructor(
    private readonly database: Database,
    private readonly parts: WriterParts,
  ) {}

  /** Never throws. */
  async send(sql: string, values: readonly string[]): Promise<Sent> {
    let session: WriterSession;
    try {
      session = await this.#borrow();
    } catch (error) {
      return { error, isUnknown: false };
    }
    const { connection, backend } = session;
    try {
      return { row: await this.#guarded(connection, () => this.#query(connection, sql, values)) };
    } catch (error) {
      const isUnknown = isOutcomeUnknown(error);
      if (isUnknown) this.#lost = backend;
      if (isUnknown) connection.discard();
      return { error, isUnknown };
    } finally {
      await connection[Symbol.asyncDispose]();
    }
  }

  /** A session of which it is certain that nothing sent before is still running. */
  async #borrow(): Promise<WriterSession> {
    const { statementTimeoutMs } = this.parts;
    const connection = await this.#connect();
    try {
      return await this.#guarded(connection, async () => {
        const backend = await prepareWriter(connection, statementTimeoutMs);
        if (this.#lost !== undefined) await endBackend(connection, this.#lost, statementTimeoutMs * 0.8);
        this.#lost = undefined;
        return { connection, backend };
      });
    } catch (error) {
      connection.discard();
      throw error;
    }
  }

  async #query(connection: Connection, sql: string, values: readonly string[]): Promise<object | undefined> {
    const { failpoints } = this.parts;
    const answer = connection.query<object>(sql, values);
    // It may fail while the failpoint waits, and that is looked at below.
    answer.catch(() => {});
    await failpoints.hit("after-send-before-result");
    const [row] = await answer;
    await failpoints.hit("after-commit-before-ack");
    return row;
  }

  /** The server ends a statement by itself; this is for answers that never come: discarding makes their query fail. */
  async #guarded<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => connection.discard(), this.parts.statementTimeoutMs * 2);
    timer.unref();
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  /** The driver limits how long connecting may take, but not what it asks a new session first. */
  async #connect(): Promise<Connection> {
    const connecting = this.database.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, this.parts.connectTimeoutMs, undefined);
      timer.unref();
    });
    const connection = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
    if (connection !== undefined) return connection;
    // Should it come after all, nobody waits for it.
    connecting.then(
      (unwanted) => unwanted.discard(),
      () => {},
    );
    throw new RoomctlError("E_CONNECT", `no session after ${this.parts.connectTimeoutMs} ms`);
  }
}

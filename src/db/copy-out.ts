import type { Duplex } from "node:stream";
import type { Client } from "pg";
import type { Connection } from "./pool.js";
import { divertReads } from "./socket.js";

/** Who takes what COPY sends. */
export interface CopySink {
  /**
   * What the socket brought, wherever its reads cut messages: takes those with rows, and hands all others to `pass`. The
   * bytes stay the reader's: they are other bytes after the call.
   */
  push(bytes: Buffer, pass: (message: Buffer) => void): void;
  /** Asked now and then: a promise stops the reading until it is fulfilled, and the server with it. */
  drain?(): Promise<void> | undefined;
}

/**
 * Runs `COPY … TO STDOUT` and hands its bytes to a sink; returns the number of rows that the server says it sent. Reads
 * the socket itself: the driver would make an object of every row. After an error that the server reported the session
 * can go on (its transaction is aborted); after one of the sink it cannot, because nobody reads the rest: it is discarded.
 */
export function readCopy(connection: Connection, sql: string, sink: CopySink): Promise<number> {
  const { client } = connection;
  return new Promise((resolve, reject) => {
    const reading = takeOver(client, sink, (error) => {
      connection.discard();
      reject(error);
    });
    let failure: unknown;
    let rows = 0;
    client.query({
      submit: (protocol: { query(text: string): void }) => protocol.query(sql),
      handleCommandComplete: (message: { text?: string }) => {
        rows = Number(/^COPY (\d+)/.exec(message.text ?? "")?.[1] ?? 0);
      },
      handleError: (error: unknown) => {
        failure = error;
        reading.end();
        reject(error);
      },
      handleReadyForQuery: () => {
        reading.end();
        if (failure === undefined) resolve(rows);
      },
      handleRowDescription: () => {},
      handleDataRow: () => {},
      handleCopyData: () => {},
    });
  });
}

/** Takes rows out of what the socket brings, and passes all other messages on to the driver, until `end`. */
function takeOver(client: Client, sink: CopySink, fail: (error: unknown) => void): { end(): void } {
  const stream: Duplex = Reflect.get(Reflect.get(client, "connection"), "stream");
  let ended = false;
  const diverted = divertReads(stream, (bytes) => {
    try {
      sink.push(bytes, diverted.listeners);
      const pressure = ended ? undefined : sink.drain?.();
      if (pressure === undefined) return;
      stream.pause();
      pressure.then(
        () => stream.resume(),
        (error: unknown) => stop(error),
      );
    } catch (error) {
      stop(error);
    }
  });
  const end = () => {
    ended = true;
    diverted.end();
  };
  const stop = (error: unknown) => {
    end();
    fail(error);
  };
  return { end };
}

import type { Duplex } from "node:stream";
import type { Client } from "pg";
import type { Connection } from "./pool.js";

/**
 * Who takes what COPY sends. The server sends one message a row; the first of a binary COPY begins with its header, and
 * its trailer is a message of its own.
 */
export interface CopySink {
  /**
   * A message, or a piece of one that is longer than 64 KiB; `isEnd` is true for its last piece. The bytes stay the
   * reader's: they are other bytes after the call.
   */
  data(bytes: Uint8Array, isEnd: boolean): void;
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

const copyData = 0x64;
const headerBytes = 5;
/** Messages up to this length reach the sink in one piece, wherever the socket's reads cut them. */
const wholeBytes = 64 * 1024;

/** Takes rows out of what the socket brings, and passes all other messages on to the driver, until `end`. */
function takeOver(client: Client, sink: CopySink, fail: (error: unknown) => void): { end(): void } {
  const stream: Duplex = Reflect.get(Reflect.get(client, "connection"), "stream");
  const driver = stream.listeners("data") as ((bytes: Buffer) => void)[];
  const splitter = createSplitter(sink, (bytes) => {
    for (const listener of driver) listener.call(stream, bytes);
  });
  let ended = false;
  const onData = (bytes: Buffer) => {
    try {
      splitter.push(bytes);
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
  };
  const end = () => {
    if (ended) return;
    ended = true;
    stream.off("data", onData);
    for (const listener of driver) stream.on("data", listener);
  };
  const stop = (error: unknown) => {
    end();
    fail(error);
  };
  for (const listener of driver) stream.off("data", listener);
  stream.on("data", onData);
  return { end };
}

interface Splitter {
  push(bytes: Buffer): void;
}

/** Follows the protocol's framing: a type byte, a length that counts itself, a body. */
function createSplitter(sink: CopySink, pass: (bytes: Buffer) => void): Splitter {
  const header = Buffer.alloc(headerBytes);
  let headerLength = 0;
  /** What is left of a message whose beginning has been seen. */
  let left = 0;
  let isRow = false;
  /** The beginning of a row that a read cut off. */
  const cut = Buffer.allocUnsafe(wholeBytes);
  let cutLength = 0;

  const keepRow = (bytes: Buffer, at: number): number => {
    const size = Math.min(left, bytes.length - at, wholeBytes - cutLength);
    bytes.copy(cut, cutLength, at, at + size);
    cutLength += size;
    const isEnd = size === left;
    if (isEnd || cutLength === wholeBytes) {
      sink.data(cut.subarray(0, cutLength), isEnd);
      cutLength = 0;
    }
    return size;
  };

  return {
    push(bytes) {
      // Making views of a Buffer takes twice as long as of the array behind it.
      const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      let at = 0;
      while (at < bytes.length) {
        if (left === 0 && headerLength === 0 && bytes.length - at >= headerBytes) {
          // The usual case, kept short: a whole row within one read.
          const length = bytes.readInt32BE(at + 1) - 4;
          if (bytes[at] === copyData && length > 0 && at + headerBytes + length <= bytes.length) {
            at += headerBytes;
            sink.data(plain.subarray(at, at + length), true);
            at += length;
            continue;
          }
        }
        if (left === 0) {
          const size = Math.min(headerBytes - headerLength, bytes.length - at);
          bytes.copy(header, headerLength, at, at + size);
          headerLength += size;
          at += size;
          if (headerLength < headerBytes) return;
          headerLength = 0;
          left = header.readInt32BE(1) - 4;
          isRow = header[0] === copyData;
          if (!isRow) pass(Buffer.from(header));
          if (left === 0 && isRow) sink.data(plain.subarray(0, 0), true);
          continue;
        }
        if (isRow) {
          const size = keepRow(bytes, at);
          left -= size;
          at += size;
        } else {
          const size = Math.min(left, bytes.length - at);
          left -= size;
          pass(bytes.subarray(at, at + size));
          at += size;
        }
      }
    },
  };
}

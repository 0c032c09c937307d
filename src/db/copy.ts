import type { Readable, Writable } from "node:stream";
import copyStreams from "pg-copy-streams";
import type { Connection } from "./pool.js";

/** Rows out of the server: a stream of COPY data for `COPY … TO STDOUT`. Read it to its end before the next statement. */
export function copyOut(connection: Connection, sql: string): Readable & { readonly rowCount: number } {
  return withLateErrors(connection.client.query(copyStreams.to(sql)));
}

/** Rows into the server: write COPY data for `COPY … FROM STDIN`; after `finish`, `rowCount` says how many arrived. */
export function copyIn(connection: Connection, sql: string): Writable & { readonly rowCount: number } {
  return withLateErrors(connection.client.query(copyStreams.from(sql)));
}

/**
 * A session that ends while a COPY is under way reports that on the stream once more, after whoever read or wrote it has
 * seen the first error and gone. Without a listener that would end the process.
 */
function withLateErrors<Stream extends Readable | Writable>(stream: Stream): Stream {
  stream.on("error", () => {});
  return stream;
}

import type { Writable } from "node:stream";
import copyStreams from "pg-copy-streams";
import type { Connection } from "./pool.js";

/** Rows into the server: write COPY data for `COPY … FROM STDIN`; after `finish`, `rowCount` says how many arrived. */
export function copyIn(connection: Connection, sql: string): Writable & { readonly rowCount: number } {
  return withLateErrors(connection.client.query(copyStreams.from(sql)));
}

/**
 * A session that ends while a COPY is under way reports that on the stream once more, after whoever wrote it has
 * seen the first error and gone. Without a listener that would end the process.
 */
function withLateErrors<Stream extends Writable>(stream: Stream): Stream {
  stream.on("error", () => {});
  return stream;
}

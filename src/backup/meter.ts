import { createHash } from "node:crypto";
import { Transform } from "node:stream";

const newline = 10;

/** A stream that passes everything on and remembers length, SHA-256 and number of lines. Ask once it has ended. */
export interface Meter extends Transform {
  measured(): { readonly sizeBytes: number; readonly sha256: string; readonly lines: number };
}

/** COPY text escapes line feeds inside values, so its lines are its rows. */
export function createMeter(options: { readonly countsLines?: boolean } = {}): Meter {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let lines = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      if (options.countsLines) lines += countLines(chunk);
      done(null, chunk);
    },
  });
  return Object.assign(stream, { measured: () => ({ sizeBytes, sha256: hash.copy().digest("hex"), lines }) });
}

function countLines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) count += 1;
  return count;
}

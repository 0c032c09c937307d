/** A place in a file, both from 1; the column counts characters, not UTF-16 units. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** Finds places in one text. The lines are counted once: a file may hold fifty thousand statements. */
export interface Positions {
  /** Where a UTF-16 offset stands. */
  at(offset: number): Position;
  /** The UTF-16 offset of a byte of the text's UTF-8 form, which is what PostgreSQL's parser counts in. */
  fromByte(byte: number): number;
}

export function positionsIn(text: string): Positions {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  return {
    at(offset) {
      const line = countUpTo(lineStarts, offset);
      return { line, column: [...text.slice(lineStarts[line - 1], offset)].length + 1 };
    },
    fromByte: offsetsByByte(text),
  };
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function offsetsByByte(text: string): (byte: number) => number {
  const byteLength = Buffer.byteLength(text);
  if (byteLength === text.length) return (byte) => byte;
  const offsets = new Uint32Array(byteLength + 1);
  let byte = 0;
  let offset = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    offsets.fill(offset, byte, byte + size);
    byte += size;
    offset += character.length;
  }
  offsets[byteLength] = text.length;
  return (at) => offsets[at] ?? text.length;
}

/** Finds the statements of a body in its text. */
export interface Finder {
  /** Where a text of the tree stands in the body, at a line (from 1) or behind it. */
  find(text: string, line: number, isAltered: boolean): (at: number) => number;
  /** The same for PERFORM, which the tree has as SELECT. */
  perform(text: string, line: number): (at: number) => number;
}

/** PL/pgSQL's tree has lines only. Statements come in the order of the text, so each is looked for behind the one before it. */
export function createFinder(body: string): Finder {
  const lineStarts = [0, ...[...body.matchAll(/\n/g)].map(({ index }) => index + 1)];
  let cursor = 0;
  const beginAt = (line: number) => Math.max(cursor, lineStarts[line - 1] ?? 0);
  const nowhere = (line: number) => {
    const from = beginAt(line);
    const start = from + (/\S/.exec(body.slice(from, from + 2000))?.index ?? 0);
    cursor = start + 1;
    return () => start;
  };
  const find = (text: string, line: number, isAltered: boolean) => {
    const start = isAltered ? -1 : body.indexOf(text, beginAt(line));
    if (start === -1) return nowhere(line);
    cursor = start + text.length;
    return (at: number) => start + at;
  };
  return {
    find,
    perform(text, line) {
      const rest = text.replace(/^\s*SELECT/, "");
      const start = body.indexOf(rest, beginAt(line));
      if (start === -1) return nowhere(line);
      cursor = start + rest.length;
      const shift = text.length - rest.length;
      return (at) => start + (at < shift ? -"PERFORM".length : at - shift);
    },
  };
}

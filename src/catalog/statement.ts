import { linesForVersion } from "../db/snapshot-statement.js";
import { loadStatement } from "../db/statement.js";

/** A statement of sql/catalog after the words that all of them share, for a server of that major version. */
export function catalogStatement(name: string, major: number): string {
  const body = loadStatement(`catalog/${name}`);
  return linesForVersion(`${loadStatement("catalog/words").trimEnd()}\n${body}`, major);
}

import { RoomctlError } from "../core/errors.js";
import { loadParser, type Node, type Parser } from "../db/parse.js";

/**
 * Throws E_USAGE unless the text is exactly one boolean expression, as one SELECT's WHERE takes it: no second statement,
 * no further clause, no bracket that closes ours. Whether its columns exist is the server's to say.
 */
export async function assertCondition(where: string): Promise<void> {
  const parser = await loadParser();
  // By itself, no bracket of it can close one of ours; in brackets, nothing of it can begin another clause.
  for (const statement of [`SELECT FROM t WHERE ${where}`, `SELECT FROM t WHERE (${where}\n)`]) {
    const problem = problemOf(parser, statement);
    if (problem !== undefined) throw notCondition(where, problem);
  }
}

function problemOf(parser: Parser, statement: string): string | undefined {
  const statements = parser.parse(statement);
  const [only] = statements;
  // The splitter of a text that does not parse may cut it: what the whole says counts.
  const problem = statements.find((one) => one.problem !== null)?.problem;
  if (problem) return problem;
  if (only === undefined || statements.length > 1) return "it is more than one statement";
  if (only.node === undefined || !isBareSelect(only.node)) return "it is more than a condition";
  // A string that says so has its quotes escaped.
  return JSON.stringify(only.node).includes('"ParamRef":') ? "there is no value for a parameter" : undefined;
}

/** What the parser says of `SELECT FROM t WHERE …` and of no longer statement. */
const bareParts = new Set(["fromClause", "whereClause", "limitOption", "op"]);

function isBareSelect(node: Node): boolean {
  if (!("SelectStmt" in node)) return false;
  const { SelectStmt: select } = node;
  return select.whereClause !== undefined && select.fromClause?.length === 1 && Object.keys(select).every(isBarePart);
}

function isBarePart(key: string): boolean {
  return bareParts.has(key);
}

function notCondition(where: string, problem: string): RoomctlError {
  return new RoomctlError("E_USAGE", `--where is not a condition: ${problem}: ${JSON.stringify(where)}`, {
    hint: `write what would follow WHERE in a SELECT: --where "status = 'ended'"`,
  });
}

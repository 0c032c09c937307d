import type { Node } from "../db/parse.js";
import { stringsIn } from "./names.js";

/** The code of a DO block, function or procedure. `offset` is where it begins in the statement's text. */
export interface CodeBody {
  readonly kind: "plpgsql" | "sql" | "other";
  readonly language: string;
  readonly text: string;
  readonly offset: number;
  /** False for a string with quotes in it, which stand doubled in the file: lines are true then, columns nearly. */
  readonly isExact: boolean;
}

/** The body in a statement; undefined when it has none, or one that is a mere expression (`RETURN a + b`). */
export function bodyOf(node: Node, statementText: string): CodeBody | undefined {
  const options =
    "DoStmt" in node ? node.DoStmt.args : "CreateFunctionStmt" in node ? node.CreateFunctionStmt.options : undefined;
  if (options === undefined) return undefined;
  if ("CreateFunctionStmt" in node && node.CreateFunctionStmt.sql_body) {
    return "List" in node.CreateFunctionStmt.sql_body ? atomicBody(statementText) : undefined;
  }
  const language = (stringOption(options, "language")[0] ?? ("DoStmt" in node ? "plpgsql" : "sql")).toLowerCase();
  const kind = language === "plpgsql" || language === "sql" ? language : "other";
  const [text = ""] = stringOption(options, "as");
  return { kind, language, text, ...findBody(statementText, text) };
}

function stringOption(options: readonly Node[], name: string): readonly string[] {
  return options.flatMap((node) => {
    if (!("DefElem" in node) || node.DefElem.defname !== name || node.DefElem.arg === undefined) return [];
    const { arg } = node.DefElem;
    return "List" in arg ? stringsIn(arg.List.items) : stringsIn([arg]);
  });
}

/** Between BEGIN ATOMIC and its END. */
function atomicBody(statementText: string): CodeBody | undefined {
  const begin = /\bbegin\s+atomic\b/i.exec(statementText);
  const end = /\bend\s*$/i.exec(statementText);
  if (begin === null || end === null) return undefined;
  const offset = begin.index + begin[0].length;
  return { kind: "sql", language: "sql", text: statementText.slice(offset, end.index), offset, isExact: true };
}

function findBody(statementText: string, text: string): Pick<CodeBody, "offset" | "isExact"> {
  for (let at = statementText.indexOf(text); at !== -1; at = statementText.indexOf(text, at + 1)) {
    if (/[$']/.test(statementText[at - 1] ?? "")) return { offset: at, isExact: true };
  }
  const quoted = statementText.indexOf(`'${text.replaceAll("'", "''")}'`);
  return { offset: Math.max(0, quoted + 1), isExact: false };
}

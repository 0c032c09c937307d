import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import type { RestorePlan } from "./plan.js";

/** Says which table and constraint miss a parent row, and what to restore with them; other errors pass through. */
export function foreignKeyFailure(error: unknown, plan: Pick<RestorePlan, "backup" | "tables">): unknown {
  if (codeOf(error) !== sqlstate.foreignKeyViolation || !(error instanceof Error)) return error;
  const [schema, name, constraint] = ["schema", "table", "constraint"].map((key) => String(Reflect.get(error, key)));
  const table = plan.tables.find((candidate) => candidate.schema === schema && candidate.name === name);
  const parents = table?.otherParents ?? [];
  return new RoomctlError(
    "E_SQL",
    `${formatName({ schema: schema ?? "", name: name ?? "" })} refers to rows that are not there (${constraint}); nothing was restored`,
    { cause: error, hint: hint(plan, parents) },
  );
}

function hint(plan: Pick<RestorePlan, "backup" | "tables">, parents: readonly QualifiedName[]): string {
  if (parents.length === 0)
    return "the backup's rows break this constraint: restore into a schema that has it as NOT VALID";
  const words = [...plan.tables, ...parents].map((table) => `--table ${shellWord(formatName(table))}`);
  return `restore these tables too: roomctl backup restore ${plan.backup} ${words.join(" ")}`;
}

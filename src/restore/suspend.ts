import { quoteIdentifier, quoteLiteral, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { foreignKeyFailure } from "./failure.js";
import type { SuspendedConstraint, TriggerState } from "./obstacles.js";
import type { RestorePlan } from "./plan.js";

/**
 * Runs `load` while the plan's constraints are dropped and its triggers disabled, and puts both back exactly as they
 * were, all in the caller's transaction. `load` sees the role's own search path: functions in checks and generated
 * columns may depend on it.
 */
export async function withObstaclesAside(
  connection: Connection,
  plan: Pick<RestorePlan, "backup" | "tables" | "suspendedConstraints" | "pausedTriggers">,
  load: () => Promise<void>,
): Promise<void> {
  const { suspendedConstraints: constraints, pausedTriggers: triggers } = plan;
  for (const constraint of constraints) await dropConstraint(connection, constraint);
  for (const trigger of triggers)
    await connection.execute(`${alterTrigger(trigger)} DISABLE TRIGGER ${quoteIdentifier(trigger.name)}`);
  await connection.execute("SET LOCAL search_path TO DEFAULT");
  await load();
  try {
    // A deferred check that is still to come would forbid ALTER TABLE.
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE");
    for (const constraint of constraints) await addConstraint(connection, constraint);
  } catch (error) {
    throw foreignKeyFailure(error, plan);
  }
  for (const trigger of triggers)
    await connection.execute(`${alterTrigger(trigger)} ${enabling[trigger.state]} ${quoteIdentifier(trigger.name)}`);
}

const enabling = {
  enabled: "ENABLE TRIGGER",
  replica: "ENABLE REPLICA TRIGGER",
  always: "ENABLE ALWAYS TRIGGER",
} as const satisfies Record<TriggerState["state"], string>;

function alterTrigger({ schema, table }: TriggerState): string {
  return `ALTER TABLE ONLY ${quoteName({ schema, name: table })}`;
}

/** Without ONLY: partitions and heirs lose theirs, and get it again, with the table that declares it. */
async function dropConstraint(connection: Connection, { schema, table, name }: SuspendedConstraint): Promise<void> {
  await connection.execute(
    `ALTER TABLE ${quoteName({ schema, name: table })} DROP CONSTRAINT ${quoteIdentifier(name)}`,
  );
}

async function addConstraint(connection: Connection, constraint: SuspendedConstraint): Promise<void> {
  const { schema, table, name, definition, comment } = constraint;
  const [relation, quoted] = [quoteName({ schema, name: table }), quoteIdentifier(name)];
  await connection.execute(`ALTER TABLE ${relation} ADD CONSTRAINT ${quoted} ${definition}`);
  if (comment !== null) {
    await connection.execute(`COMMENT ON CONSTRAINT ${quoted} ON ${relation} IS ${quoteLiteral(comment)}`);
  }
}

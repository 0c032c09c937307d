import type { ParsedStatement } from "../db/parse.js";
import type { SchemaFact, SchemaReading } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import { changesServer } from "../migrate/reach.js";

/** What migrations do that building them elsewhere leaves out. */
export interface OutsideWork {
  /** Subscriptions that exist after them, as a key quotes their names. */
  readonly subscriptions: ReadonlySet<string>;
  /** What that means for a comparison. */
  readonly notes: readonly string[];
}

/** What the files do beyond the database, and so nowhere but live. Pure. */
export function findOutsideWork(migrations: readonly ParsedMigration[]): OutsideWork {
  const subscriptions = new Set<string>();
  const steps = migrations.flatMap(({ file, up }) =>
    up.statements.map((statement) => ({ name: file.name, statement })),
  );
  for (const { statement } of steps) followSubscription(subscriptions, statement);
  const serverWide = steps.filter(({ statement }) => changesServer(statement));
  return {
    subscriptions,
    notes: [
      ...[...subscriptions].map(
        (name) => `subscription ${name}: only its name is compared, since nothing subscribes on the scratch server`,
      ),
      ...serverWide.map(
        ({ name, statement }) =>
          `${name}: ${firstWords(statement.text)} changes the whole server, and is neither built elsewhere nor compared`,
      ),
    ],
  };
}

function followSubscription(subscriptions: Set<string>, { node }: ParsedStatement): void {
  if (node === undefined) return;
  if ("CreateSubscriptionStmt" in node) subscriptions.add(keyName(node.CreateSubscriptionStmt.subname));
  if ("DropSubscriptionStmt" in node) subscriptions.delete(keyName(node.DropSubscriptionStmt.subname));
}

/** As keys quote it: quote_ident() does so too where a word is PostgreSQL's own, which no subscription is called. */
function keyName(name = ""): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function firstWords(sql: string): string {
  return sql.replace(/\s+/g, " ").split(" ").slice(0, 2).join(" ").toUpperCase();
}

/** The live side, where of those subscriptions nothing but the name counts. */
export function withoutDetails(facts: readonly SchemaFact[], { subscriptions }: OutsideWork): readonly SchemaFact[] {
  return facts.flatMap((fact) => {
    const [, about = "", name = ""] = /^(?:(owner of|comment on) )?subscription (.*)$/s.exec(fact.key) ?? [];
    if (!subscriptions.has(name)) return fact;
    return about === "" ? { ...fact, definition: "" } : [];
  });
}

/** The files' side, as if those subscriptions had been built, unless the live ones may not be read. */
export function withSubscriptions(
  facts: readonly SchemaFact[],
  { subscriptions }: OutsideWork,
  unread: SchemaReading["unread"],
): readonly SchemaFact[] {
  if (unread.includes("pg_subscription")) return facts;
  const made = [...subscriptions].map((name) => ({
    key: `subscription ${name}`,
    definition: "",
    belongs: null,
    facts: null,
  }));
  return [...facts, ...made];
}

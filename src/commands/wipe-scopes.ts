import type { WipeScope } from "../core/catalogue.js";
import { formatName } from "../db/identifier.js";
import { tableLines } from "../report/table.js";
import { resolveScopes } from "../wipe/scope.js";
import { defineCommand } from "./command.js";

interface ListedScope {
  readonly name: string;
  readonly summary: string;
  readonly tables: readonly string[];
  /** Wiped too where the database has them. */
  readonly optionalTables: readonly string[];
  /** `users.posts = '[]'`: columns that are put back while their rows stay. */
  readonly resets: readonly string[];
}

export const wipeScopes = defineCommand<object, { readonly scopes: readonly ListedScope[] }>({
  name: "wipe scopes",
  summary: "List the scopes and their tables",
  description: ["Scopes come from the configuration; the reference app's are built in. No database is opened."],
  flags: [],
  examples: [{ command: "roomctl wipe scopes", explanation: "see what --scope can name" }],
  parse: () => ({}),
  run: async (_options, { app }) => ({ scopes: app.scopes.map((scope) => listScope(app.scopes, scope)) }),
  render: ({ scopes }, style) =>
    scopes.length === 0
      ? ["no scope is configured"]
      : tableLines(
          [{ title: "scope" }, { title: "what goes" }, { title: "tables" }],
          scopes.map((scope) => [scope.name, scope.summary, tablesText(scope)]),
          style,
        ),
});

function listScope(scopes: readonly WipeScope[], { name, summary }: WipeScope): ListedScope {
  const { tables, resets } = resolveScopes(scopes, [name]);
  const named = (isOptional: boolean) =>
    tables.filter((table) => table.isOptional === isOptional).map((table) => formatName(table.name));
  return {
    name,
    summary,
    tables: named(false),
    optionalTables: named(true),
    resets: resets.map((reset) => `${formatName(reset.name)}.${reset.column} = ${reset.value}`),
  };
}

function tablesText({ tables, optionalTables, resets }: ListedScope): string {
  return [...tables, ...optionalTables.map((table) => `${table} (if there)`), ...resets].join(", ");
}

import type { ScratchServer } from "../db/scratch.js";
import type { ParsedMigration } from "./build.js";

/** Throws E_EMBEDDED when migrations create an extension that the scratch server does not have: sooner than half built. */
export async function requireExtensions(server: ScratchServer, migrations: readonly ParsedMigration[]): Promise<void> {
  const names = migrations.flatMap(({ up }) =>
    up.statements.flatMap(({ node }) =>
      node !== undefined && "CreateExtensionStmt" in node ? [node.CreateExtensionStmt.extname ?? ""] : [],
    ),
  );
  if (names.length > 0) await server.requireExtensions(names);
}

import { join } from "node:path";
import type { AppDefinition } from "./catalogue.js";
import { packageRoot } from "./package-root.js";
import { referenceChecks } from "./reference-checks.js";
import { referenceGuards } from "./reference-guards.js";
import { referenceRecovery } from "./reference-recovery.js";
import { referenceScopes } from "./reference-scopes.js";
import { referenceShapes } from "./reference-shapes.js";
import { referenceStates } from "./reference-states.js";
import { referenceAges, referenceSubjects } from "./reference-subjects.js";

/** The built-in default app: the reference room server. The only place, with `migrations/`, that knows its tables by name. */
export const referenceApp: AppDefinition = {
  name: "reference room server",
  states: referenceStates,
  shapes: referenceShapes,
  scopes: referenceScopes,
  checks: referenceChecks,
  subjects: referenceSubjects,
  ages: referenceAges,
  guards: referenceGuards,
  recovery: referenceRecovery,
  migrationsDirectory: join(packageRoot, "migrations"),
  seedFile: join(packageRoot, "demo", "seed.sql"),
};

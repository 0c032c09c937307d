import { ignoreRules } from "./ignore-rules.js";
import type { LintRule } from "./rule.js";
import { compatibilityRules } from "./rules-compatibility.js";
import { constraintRules } from "./rules-constraints.js";
import { validationRules } from "./rules-constraints-validate.js";
import { dataRules } from "./rules-data.js";
import { dropRules } from "./rules-drops.js";
import { foreignKeyRules } from "./rules-foreign-keys.js";
import { foreignKeyShapeRules } from "./rules-foreign-keys-shape.js";
import { guardRules } from "./rules-guards.js";
import { existingRules } from "./rules-if-not-exists.js";
import { keyRules } from "./rules-keys.js";
import { concurrentlyRules } from "./rules-locks-concurrently.js";
import { indexLockRules } from "./rules-locks-indexes.js";
import { transactionLockRules } from "./rules-locks-transaction.js";
import { nameRules } from "./rules-names.js";
import { notNullRules } from "./rules-not-null.js";
import { notifyRules } from "./rules-notify.js";
import { objectLockRules } from "./rules-objects-locks.js";
import { partitionRules } from "./rules-partitions.js";
import { publicationRules } from "./rules-publications.js";
import { replaceRules } from "./rules-replace.js";
import { rerunRules } from "./rules-rerun.js";
import { columnRewriteRules } from "./rules-rewrites-columns.js";
import { tableRewriteRules } from "./rules-rewrites-tables.js";
import { typeRewriteRules } from "./rules-rewrites-type.js";
import { rowRules } from "./rules-rows.js";
import { sequenceRules } from "./rules-sequences.js";
import { sessionRules } from "./rules-session.js";
import { transactionRules } from "./rules-transactions.js";
import { typeRules } from "./rules-types.js";

/** Every rule of `migrate lint`, in the order of the table in `docs/lint/README.md`. */
export const lintRules: readonly LintRule[] = [
  ...indexLockRules,
  ...concurrentlyRules,
  ...columnRewriteRules,
  ...typeRewriteRules,
  ...tableRewriteRules,
  ...notNullRules,
  ...constraintRules,
  ...validationRules,
  ...foreignKeyRules,
  ...foreignKeyShapeRules,
  ...partitionRules,
  ...objectLockRules,
  ...transactionLockRules,
  ...dropRules,
  ...dataRules,
  ...compatibilityRules,
  ...transactionRules,
  ...nameRules,
  ...sessionRules,
  ...typeRules,
  ...keyRules,
  ...publicationRules,
  ...notifyRules,
  ...guardRules,
  ...rerunRules,
  ...existingRules,
  ...replaceRules,
  ...rowRules,
  ...sequenceRules,
  ...ignoreRules,
];

import { ignoreRules } from "./lint-ignore-rules.js";
import type { LintRule } from "./lint-rule.js";
import { compatibilityRules } from "./lint-rules-compatibility.js";
import { constraintRules } from "./lint-rules-constraints.js";
import { notNullRules } from "./lint-rules-constraints-null.js";
import { validationRules } from "./lint-rules-constraints-validate.js";
import { dataRules } from "./lint-rules-data.js";
import { dropRules } from "./lint-rules-drops.js";
import { existingRules } from "./lint-rules-existing.js";
import { foreignKeyRules } from "./lint-rules-foreign-keys.js";
import { foreignKeyShapeRules } from "./lint-rules-foreign-keys-shape.js";
import { guardRules } from "./lint-rules-guards.js";
import { rowRules } from "./lint-rules-idempotence.js";
import { keyRules } from "./lint-rules-keys.js";
import { concurrentlyRules } from "./lint-rules-locks-concurrently.js";
import { indexLockRules } from "./lint-rules-locks-indexes.js";
import { transactionLockRules } from "./lint-rules-locks-transaction.js";
import { nameRules } from "./lint-rules-names.js";
import { notifyRules } from "./lint-rules-notify.js";
import { objectLockRules } from "./lint-rules-objects-locks.js";
import { partitionRules } from "./lint-rules-partitions.js";
import { publicationRules } from "./lint-rules-realtime.js";
import { replaceRules } from "./lint-rules-replace.js";
import { rerunRules } from "./lint-rules-rerun.js";
import { columnRewriteRules } from "./lint-rules-rewrites-columns.js";
import { tableRewriteRules } from "./lint-rules-rewrites-tables.js";
import { typeRewriteRules } from "./lint-rules-rewrites-type.js";
import { sequenceRules } from "./lint-rules-sequences.js";
import { sessionRules } from "./lint-rules-session.js";
import { transactionRules } from "./lint-rules-transactions.js";
import { typeRules } from "./lint-rules-types.js";

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

import type { AuditCheck } from "./catalogue.js";

/** What the audit asks of the reference app's rows. */
export const referenceChecks: readonly AuditCheck[] = [];

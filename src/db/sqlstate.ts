/** The SQLSTATEs that roomctl acts on, by the names of PostgreSQL's manual, appendix A. */
export const sqlstate = {
  invalidTransactionTermination: "2D000",
  featureNotSupported: "0A000",
  foreignKeyViolation: "23503",
  uniqueViolation: "23505",
  activeSqlTransaction: "25001",
  readOnlySqlTransaction: "25006",
  invalidAuthorization: "28000",
  invalidPassword: "28P01",
  invalidCatalogName: "3D000",
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  syntaxError: "42601",
  groupingError: "42803",
  insufficientPrivilege: "42501",
  undefinedTable: "42P01",
  undefinedColumn: "42703",
  ambiguousFunction: "42725",
  duplicateDatabase: "42P04",
  indeterminateDatatype: "42P18",
  diskFull: "53100",
  tooManyConnections: "53300",
  objectNotInPrerequisiteState: "55000",
  lockNotAvailable: "55P03",
  unsafeNewEnumValueUsage: "55P04",
  queryCanceled: "57014",
  raiseException: "P0001",
  adminShutdown: "57P01",
  crashShutdown: "57P02",
  cannotConnectNow: "57P03",
} as const;

/** The SQLSTATE (or Node's system error code) that an error carries, if any. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True for a lock that did not come in time, or a deadlock that PostgreSQL broke by picking us. */
export function isLockConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === sqlstate.lockNotAvailable || code === sqlstate.deadlockDetected;
}

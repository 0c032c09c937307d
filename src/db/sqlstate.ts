/** The SQLSTATEs that roomctl acts on, by the names of PostgreSQL's manual, appendix A. */
export const sqlstate = {
  featureNotSupported: "0A000",
  foreignKeyViolation: "23503",
  activeSqlTransaction: "25001",
  readOnlySqlTransaction: "25006",
  invalidAuthorization: "28000",
  invalidPassword: "28P01",
  invalidCatalogName: "3D000",
  deadlockDetected: "40P01",
  insufficientPrivilege: "42501",
  undefinedTable: "42P01",
  undefinedColumn: "42703",
  diskFull: "53100",
  tooManyConnections: "53300",
  lockNotAvailable: "55P03",
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

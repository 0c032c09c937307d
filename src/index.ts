/**
 * The public API: what the command line is made of, for use in an app's own tools and tests. Everything takes an open
 * database and returns plain data; nothing prints or reads the process.
 */
export { type AuditOptions, type AuditResult, auditDatabase } from "./audit/database.js";
export type { Finding } from "./audit/finding.js";
export { auditLive, type LiveAudit, type LiveOptions } from "./audit/live.js";
export type { LiveReport } from "./audit/live-report.js";
export { type BackupReceipt, type CreateBackupOptions, createBackup } from "./backup/create.js";
export { type BackupList, listBackups } from "./backup/list.js";
export { openSoundBackup, type SoundBackup, verifyBackup } from "./backup/verify.js";
export { type CompatFinding, type CompatReport, checkCompatibility } from "./compat/compat.js";
export { readQueryFiles } from "./compat/queries.js";
export type {
  AppDefinition,
  AuditCheck,
  GuardRules,
  RecoveryDefinition,
  StateEntry,
  TableShape,
  WipeScope,
  WipeSubject,
} from "./core/catalogue.js";
export { type Clock, systemClock } from "./core/clock.js";
export { type ErrorCode, exitCodes, RoomctlError } from "./core/errors.js";
export { referenceApp } from "./core/reference-app.js";
export {
  type Announcement,
  announceChange,
  type Change,
  readAnnouncements,
  readTombstones,
} from "./db/announce.js";
export { type EmbeddedOptions, type EmbeddedServer, startEmbedded, stopEmbedded } from "./db/embedded.js";
export { type Environment, type Marker, readMarker } from "./db/marker.js";
export { type Operation, readOperations } from "./db/operations.js";
export { loadParser, type Parser } from "./db/parse.js";
export { type Database, type OpenOptions, openDatabase, type Queryable } from "./db/pool.js";
export { openScratch, type ScratchOptions, type ScratchServer } from "./db/scratch.js";
export { type DatabaseTarget, parseTarget, targetFromEnvironment } from "./db/target.js";
export { type DriftReport, findDrift } from "./drift/drift.js";
export type { LintFinding } from "./lint/finding.js";
export type { LintReport } from "./lint/lint.js";
export { lintRules } from "./lint/rules.js";
export { type LintResult, lintFiles } from "./lint/run.js";
export { type ApplyOptions, type ApplyResult, applyMigrations } from "./migrate/apply.js";
export { chooseMigrations, type MigrationChoice } from "./migrate/choice.js";
export { applyDown, planDown } from "./migrate/down.js";
export { applyFake, planBaseline, planFakeDown, planFakeUp } from "./migrate/fake.js";
export { type MigrationFile, readMigrationFiles } from "./migrate/files.js";
export { planUp, type UpPlan } from "./migrate/plan.js";
export { applyRedo, planRedo, type RedoPlan } from "./migrate/redo.js";
export { readMigrationStatus, type StatusReport } from "./migrate/status.js";
export type { ProveReport } from "./prove/model.js";
export { proveMigrations } from "./prove/prove.js";
export { applyRecovery } from "./recover/apply.js";
export { decideRoom, decideRooms, type RoomDecision } from "./recover/decide.js";
export { planRecovery, type RecoveryPlan } from "./recover/plan.js";
export { type ApplyRestoreOptions, applyRestore, type RestoreResult } from "./restore/apply.js";
export { planRestore, type RestorePlan } from "./restore/plan.js";
export { applyUndo, planUndo, type UndoPlan, type UndoResult } from "./restore/undo.js";
export { type FoundWipe, findWipe } from "./restore/undo-find.js";
export { AppendLog, type LogOptions } from "./store/append-log.js";
export type { Container, ContainerRow } from "./store/container.js";
export { DualMap } from "./store/dual-map.js";
export { isIndeterminate } from "./store/entry.js";
export { type AppendedTable, logStatement } from "./store/log-statement.js";
export type { Fence, Mirror, RowMark } from "./store/mirror.js";
export { type MirroredTable, mirrorStatement } from "./store/mirror-statement.js";
export type { DeepReadonly } from "./store/read-only.js";
export type { LogStats, MapStats, StoreStats } from "./store/stats.js";
export { type DrainResult, type MapOptions, Store, type StoreEvent, type StoreOptions } from "./store/store.js";
export { type TraceRecord, traceOnScratch } from "./trace/trace.js";
export { type ApplyWipeOptions, applyWipe, type WipeResult } from "./wipe/apply.js";
export { estimateWipe, type WipeEstimate } from "./wipe/estimate.js";
export type { GuardLook, GuardRequest } from "./wipe/guard.js";
export { assertGuards, readGuards } from "./wipe/guards.js";
export { planWipe, type WipePlan } from "./wipe/plan.js";
export { type ApplyRowWipeOptions, applyRowWipe, type RowWipeResult } from "./wipe/rows-apply.js";
export { planRowWipe, type RowWipePlan, type RowWipeRequest } from "./wipe/rows-plan.js";
export { applySequenceReset, planSequenceReset } from "./wipe/sequence-reset.js";
export { checkSequences } from "./wipe/sequences.js";

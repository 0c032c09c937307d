import { expect, test } from "vitest";
import * as api from "../../src/index.js";

test("the public API is what the documentation promises, and nothing slips in unnoticed", () => {
  expect(Object.keys(api).sort()).toEqual([
    "RoomctlError",
    "applyDown",
    "applyMigrations",
    "applyRecovery",
    "applyRestore",
    "applySequenceReset",
    "applyWipe",
    "auditDatabase",
    "checkSequences",
    "createBackup",
    "decideRoom",
    "decideRooms",
    "exitCodes",
    "listBackups",
    "openDatabase",
    "openSoundBackup",
    "parseTarget",
    "planDown",
    "planRecovery",
    "planRestore",
    "planSequenceReset",
    "planUp",
    "planWipe",
    "readMarker",
    "readMigrationStatus",
    "readOperations",
    "referenceApp",
    "startEmbedded",
    "stopEmbedded",
    "systemClock",
    "targetFromEnvironment",
    "verifyBackup",
  ]);
});

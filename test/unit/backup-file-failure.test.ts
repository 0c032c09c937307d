import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { fileFailure, isFileSystemError } from "../../src/backup/file-failure.js";
import { statementFailure } from "../../src/db/failure.js";

test("a connection that breaks is no trouble with the backup folder", async () => {
  const server = createServer((socket) => socket.once("data", () => socket.resetAndDestroy())).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("hello");
  const reset = await new Promise((resolve) => socket.once("error", resolve));
  server.close();
  expect(reset).toMatchObject({ code: "ECONNRESET", syscall: "read" });
  for (const error of [reset, lost("ETIMEDOUT"), lost("EHOSTUNREACH")]) {
    expect(fileFailure(error, "/backups")).toBe(error);
    expect(statementFailure(error)).toMatchObject({ code: "E_CONNECTION_LOST" });
  }
});

test("what the file system refuses is trouble with the backup folder", async () => {
  const error = await readFile("/no/such/file").catch((cause: unknown) => cause);
  expect(isFileSystemError(error)).toBe(true);
  expect(fileFailure(error, "/backups")).toMatchObject({ code: "E_FILE" });
});

/** As Node makes it when the other side of a socket cannot be reached any more. */
function lost(code: string): Error {
  return Object.assign(new Error(`read ${code}`), { errno: -1, code, syscall: "read" });
}

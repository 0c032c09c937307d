import { spawn } from "node:child_process";
import { RoomctlError } from "../core/errors.js";
import type { ServerUser } from "./binaries.js";

/** Runs a program to its end, as another user if told. Throws E_EMBEDDED with what it said when it fails. */
export function runProgram(program: string, words: readonly string[], user: ServerUser | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    // Only stderr is kept, in a pipe that a server started by pg_ctl does not inherit: its output goes to a log file.
    const child = spawn(program, words, {
      uid: user?.uid,
      gid: user?.gid,
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.once("error", (cause) =>
      reject(new RoomctlError("E_EMBEDDED", `cannot run ${program}: ${cause.message}`, { cause })),
    );
    child.once("exit", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new RoomctlError(
            "E_EMBEDDED",
            `${program} ${words[0]} failed (${signal ?? `exit ${code}`}): ${said.trim() || "it said nothing"}`,
          ),
        );
    });
  });
}

import { exitCodes, type RoomctlError } from "../core/errors.js";
import { packageVersion } from "../core/package-root.js";
import { findHelpPage } from "./help.js";
import type { RunNotes } from "./run-command.js";

/** The whole program: what was typed → options → result → lines or JSON → exit code. Help and version load nothing else. */
export async function main(process: NodeJS.Process): Promise<number> {
  const argv = process.argv.slice(2);
  surviveClosedPipes(process);
  const run: RunNotes = { command: "", warnings: [] };
  try {
    const page = isVersion(argv) ? `roomctl ${packageVersion()}` : await findHelpPage(argv);
    if (page !== undefined) {
      process.stdout.write(`${page}\n`);
      return exitCodes.ok;
    }
    if (argv[0] === "complete" && argv[1] === "--") {
      await (await import("./complete.js")).completeWords(argv.slice(2));
      return exitCodes.ok;
    }
    const { runArguments } = await import("./run-command.js");
    return await runArguments(argv, process, run);
  } catch (error) {
    const { statementFailure } = await import("../db/failure.js");
    const failure = statementFailure(error);
    await reportFailure(failure, run, process);
    return failure.exitCode;
  }
}

function isVersion([first]: readonly string[]): boolean {
  return first === "--version" || first === "-V" || first === "version";
}

/** What went wrong, on stderr: lines for people, one object under `--json`. */
async function reportFailure(error: RoomctlError, run: RunNotes, process: NodeJS.Process): Promise<void> {
  const { argv, env, stderr } = process;
  if (argv.includes("--json") || isOn(env["ROOMCTL_JSON"])) {
    const { jsonError } = await import("../report/json.js");
    stderr.write(`${jsonError(run.command, error, run.warnings)}\n`);
    return;
  }
  const noColor = argv.includes("--no-color") || isOn(env["ROOMCTL_NO_COLOR"]);
  const [{ errorLines }, { createStyle }] = await Promise.all([
    import("../report/error.js"),
    import("../report/style.js"),
  ]);
  const style = await createStyle({ stream: stderr, environment: env, noColor });
  for (const line of errorLines(error, style)) stderr.write(`${line}\n`);
  if (error.code === "E_INTERNAL" && error.cause instanceof Error && env["ROOMCTL_DEBUG"]) {
    stderr.write(`${error.cause.stack}\n`);
  }
}

function isOn(text: string | undefined): boolean {
  return /^(1|true|yes|on)$/i.test(text ?? "");
}

/**
 * Whoever reads our output may stop reading: `roomctl … | head` is their right, and neither ends the work nor changes
 * its exit code. Any other failure to write the answer (a full disk, say) is ours to report.
 */
function surviveClosedPipes(process: NodeJS.Process): void {
  process.stderr.on("error", () => {
    // There is nowhere left to say it.
  });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.stderr.write(`error: the answer could not be written: ${error.message} [E_FILE]\n`);
    process.exitCode = exitCodes.failed;
    process.once("exit", () => {
      process.exitCode = exitCodes.failed;
    });
  });
}

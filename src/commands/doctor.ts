import { exitCodes } from "../core/errors.js";
import type { Style } from "../report/style.js";
import { type CommandContext, defineCommand } from "./command.js";
import { type Check, checkBackups, checkDatabase } from "./doctor-checks.js";

export const doctor = defineCommand<object, { readonly checks: readonly Check[] }>({
  name: "doctor",
  summary: "Check configuration, connection, rights and schema",
  description: ["Changes nothing. Exit 3 when a check failed; a warning alone is exit 0."],
  flags: [],
  examples: [{ command: "roomctl doctor", explanation: "is everything in place?" }],
  parse: () => ({}),
  async run(_options, context) {
    const checks = [checkConfiguration(context), ...(await checkDatabase(context)), await checkBackups(context)];
    return { checks: checks.map((check) => ({ ...check, hint: check.hint && context.repeat(check.hint) })) };
  },
  render: ({ checks }, style) => checks.flatMap((check) => checkLines(check, style)),
  exitCode: ({ checks }) => (checks.some(({ status }) => status === "failed") ? exitCodes.findings : exitCodes.ok),
});

function checkConfiguration({ app, configPath }: CommandContext): Check {
  return {
    name: "configuration",
    status: "ok",
    detail: `${configPath ?? "no file"}: ${app.name}, Node ${process.version}`,
  };
}

function checkLines({ name, status, detail, hint }: Check, style: Style): string[] {
  const sign = { ok: style.good("ok     "), warning: style.warning("warning"), failed: style.bad("failed ") }[status];
  return [
    `${sign}  ${name.padEnd(14)}${detail}`,
    ...(hint && status !== "ok" ? [`         ${" ".repeat(14)}next: ${hint}`] : []),
  ];
}

import { join } from "node:path";
import { stopEmbedded } from "../db/embedded.js";
import { defineCommand } from "./command.js";

export const embeddedStop = defineCommand<object, { readonly wasRunning: boolean }>({
  name: "embedded stop",
  summary: "Stop the embedded PostgreSQL",
  description: ["Its data stays in .roomctl/postgres. Open transactions of other clients are rolled back."],
  flags: [],
  examples: [{ command: "roomctl embedded stop", explanation: "stop it; the next --embedded starts it again" }],
  parse: () => ({}),
  run: async (_options, { settings }) => ({
    wasRunning: await stopEmbedded({ directory: join(settings.stateDirectory.value, "postgres") }),
  }),
  render: ({ wasRunning }) => [wasRunning ? "embedded PostgreSQL stopped" : "the embedded PostgreSQL was not running"],
});

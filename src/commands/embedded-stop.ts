import { join } from "node:path";
import { destroyEmbedded, readEmbedded, stopEmbedded } from "../db/embedded.js";
import { defineCommand } from "./command.js";

interface EmbeddedStopOptions {
  readonly removesData: boolean;
}

interface EmbeddedStopResult extends EmbeddedStopOptions {
  readonly wasRunning: boolean;
}

export const embeddedStop = defineCommand<EmbeddedStopOptions, EmbeddedStopResult>({
  name: "embedded stop",
  summary: "Stop the embedded PostgreSQL",
  description: ["Its data stays in .roomctl/postgres. Open transactions of other clients are rolled back."],
  flags: [{ flags: "--remove-data", description: "Delete its data as well, for good", isConsent: true }],
  examples: [{ command: "roomctl embedded stop", explanation: "stop it; the next --embedded starts it again" }],
  parse: ({ flags }) => ({ removesData: flags["removeData"] === true }),
  async run({ removesData }, { settings }) {
    const directory = join(settings.stateDirectory.value, "postgres");
    const wasRunning = (await readEmbedded(directory)) !== undefined;
    await (removesData ? destroyEmbedded({ directory }) : stopEmbedded({ directory }));
    return { wasRunning, removesData };
  },
  render: ({ wasRunning, removesData }) => [
    wasRunning ? "embedded PostgreSQL stopped" : "the embedded PostgreSQL was not running",
    ...(removesData ? ["its data is deleted"] : []),
  ],
});

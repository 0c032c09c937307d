import { setFlagsFromString } from "node:v8";
import { type CommandDefinition, defineCommand } from "./command.js";

/**
 * A command that parses SQL and runs no other WebAssembly. Its parser stays as V8's quick compiler makes it: optimizing its
 * huge functions takes 0.3 to 0.7 s of a processor and 30 MB, and parses no faster even over megabytes. The process is the
 * command's own, so the switches of the whole process are its to set; both are there in Node 20, 22 and 24.
 */
export function defineParsingCommand<Options, Result extends object>(
  definition: CommandDefinition<Options, Result>,
): CommandDefinition<Options, Result> {
  return defineCommand({
    ...definition,
    async run(options, context) {
      setFlagsFromString("--no-wasm-tier-up");
      setFlagsFromString("--no-wasm-dynamic-tiering");
      return await definition.run(options, context);
    },
  });
}

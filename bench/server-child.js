// A server as a child process, for the benches: started, measured, killed by its own handle.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Starts a program that says on a JSON line when it listens; resolves with that line and what measures the child. */
export async function startChild(words, environment = {}) {
  const child = spawn(process.execPath, words, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: "C.UTF-8", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines = [];
  const listening = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        if (line.includes('"listening"')) resolve(JSON.parse(line));
      });
    }
    ended.then((status) => reject(new Error(`${words.join(" ")} ended with ${status}:\n${lines.join("\n")}`)));
  });
  return {
    listening,
    lines,
    url: `http://127.0.0.1:${listening.port}`,
    cpuMs: () => cpuMs(child.pid),
    residentBytes: () => residentBytes(child.pid),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** User and system time that the process has used, in ms; ticks are 10 ms on Linux. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

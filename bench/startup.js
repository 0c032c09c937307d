// How much a person waits for `roomctl --help`, as a ratio to bare node. Pairs are interleaved; the smallest CPU time
// of each side counts, since everything else on the machine only adds.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const program = path("../bin/roomctl.js");
const rounds = Number(process.argv[2] ?? 20);

const contenders = {
  "node -e 0": ["-e", "0"],
  "roomctl --version": [program, "--version"],
  "roomctl --help": [program, "--help"],
  "roomctl wipe --help": [program, "wipe", "--help"],
};

const best = new Map(Object.keys(contenders).map((name) => [name, Number.POSITIVE_INFINITY]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, words] of Object.entries(contenders)) best.set(name, Math.min(best.get(name), cpuMs(words)));
}

const bare = best.get("node -e 0");
console.log(`node ${process.version}, smallest of ${rounds} rounds`);
for (const [name, ms] of best)
  console.log(`${name.padEnd(22)}${ms.toFixed(1).padStart(7)} ms CPU   x${(ms / bare).toFixed(2)}`);

function cpuMs(words) {
  const child = spawnSync(process.execPath, ["--require", path("report-cpu.cjs"), ...words], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  if (child.status !== 0) throw new Error(`${words.join(" ")} exited with ${child.status}`);
  return Number(child.output[3]) / 1000;
}

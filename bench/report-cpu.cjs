// Preloaded into a measured process: at its end, its own CPU time in microseconds on file descriptor 3.
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  require("node:fs").writeSync(3, String(user + system));
});

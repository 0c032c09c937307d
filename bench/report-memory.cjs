// Preloaded into a measured process: at its end, the most memory that it had, in KiB, on stderr.
process.on("exit", () => {
  require("node:fs").writeSync(2, `peak-rss-kb ${process.resourceUsage().maxRSS}\n`);
});

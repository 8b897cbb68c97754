// Preloaded into a process that is measured: it tells what processor time the process itself has used.
const { writeSync } = require("node:fs");

process.on("exit", () => writeSync(3, JSON.stringify(process.cpuUsage())));

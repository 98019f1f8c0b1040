// Preloaded into the processes that the engine starts: its end of their standard input closes when it ends, however it ends,
// and they end with it (by exit, so that Node writes its compile cache).
"use strict";
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
process.stdin.unref?.(); // a file has none

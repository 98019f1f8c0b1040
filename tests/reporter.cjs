"use strict";
// mocha's spec reporter, plus one plain line that any CI can read: `N passed, N failed` (`, N skipped` when there are).
// TEST_COUNTS names a file that the same numbers are appended to, for a run of several tiers. A run that ends before its end has failed: mocha
// itself says nothing then, and ends with 0 when its parallel run is interrupted.
const fs = require("node:fs");
const { reporters, Runner } = require("mocha");

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    let ended = false;
    const tell = (more) => {
      ended = true;
      const { passes, failures, pending } = this.stats;
      console.log(`${passes} passed, ${failures + more} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
      if (process.env.TEST_COUNTS) fs.appendFileSync(process.env.TEST_COUNTS, `${passes} ${failures + more} ${pending}\n`);
    };
    runner.once(Runner.constants.EVENT_RUN_END, () => tell(0));
    process.on("exit", () => {
      if (ended) return;
      console.log("interrupted: the tests were not run to their end, which counts as a failure");
      tell(1);
      process.exitCode = 1;
    });
  }
};

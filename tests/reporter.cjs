"use strict";
// mocha's spec reporter, plus one plain line that any CI can read: `N passed, N failed` (`, N skipped` when there are).
// TEST_COUNTS names a file that the same numbers are appended to, for a run of several tiers.
const fs = require("node:fs");
const { reporters, Runner } = require("mocha");

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
      if (process.env.TEST_COUNTS) fs.appendFileSync(process.env.TEST_COUNTS, `${passes} ${failures} ${pending}\n`);
    });
  }
};

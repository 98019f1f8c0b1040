import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../ledger/temporary.ts";

const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
const reporter = fileURLToPath(new URL("../reporter.cjs", import.meta.url));

/** Runs tests in a folder of their own, two files at a time; interrupted once they have begun, if that is wanted. */
async function run(body: string, interrupted: boolean): Promise<{ code: number | null; lines: string[]; counts: string }> {
  const folder = temporaryFolder("reporter-");
  writeFileSync(join(folder, "one.js"), `it("passes", () => {}); it("goes on", async function () { this.timeout(0); require("node:fs").writeFileSync("begun", ""); ${body} });`);
  const child = spawn(process.execPath, [mocha, "--no-config", "--parallel", "--jobs", "2", "--reporter", reporter, "one.js"], { cwd: folder, env: { ...process.env, TEST_COUNTS: join(folder, "counts") }, stdio: ["ignore", "pipe", "inherit"] });
  const [said, ended] = [text(child.stdout), once(child, "close") as Promise<[number | null]>];
  if (interrupted) {
    while (!existsSync(join(folder, "begun")) && child.exitCode === null) await delay(20);
    child.kill("SIGINT");
  }
  const [code] = await ended;
  return { code, lines: (await said).trimEnd().split("\n"), counts: readFileSync(join(folder, "counts"), "utf8") };
}

describe("the tests' own reporter", function () {
  this.timeout(90_000);

  it("counts in one plain line, and in a file for runs of several tiers", async () => {
    const good = await run("", false);
    assert.deepEqual([good.code, good.lines.at(-1), good.counts], [0, "2 passed, 0 failed", "2 0 0\n"]);
    const bad = await run("throw new Error();", false);
    assert.deepEqual([bad.code, bad.lines.at(-1), bad.counts], [1, "1 passed, 1 failed", "1 1 0\n"]);
  });

  it("says of an interrupted run that it has failed", async () => {
    const { code, lines, counts } = await run("await new Promise((resolve) => setTimeout(resolve, 60_000));", true);
    assert.deepEqual([code, lines.at(-1), counts], [1, "0 passed, 1 failed", "0 1 0\n"]);
    assert.match(lines.join("\n"), /interrupted/);
  });
});

/**
 * The three stacks as the embedded engine previews them, with the policy pack, against the texts beside this file.
 * After a wanted change: UPDATE_PLANS=1 npm test, then read the difference as a reviewer would.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlanReading, readPlan } from "./reading.ts";

const reviewed = ["local", "staging", "production"];
const root = join(import.meta.dirname, "../..");

describe("the plans of the stacks", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "golden-plans-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A preview against a state that is not there, whatever this checkout has deployed. */
  function preview(stack: string): PlanReading {
    const file = join(folder, `${stack}.plan.json`);
    const args = ["engine/main.ts", "preview", "--stack", stack, "--json", file, "--state", join(folder, `${stack}.state.json`)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
    const { plans } = JSON.parse(readFileSync(file, "utf8")) as { plans: PlanReading[] };
    assert.equal(plans.length, 1);
    return plans[0]!;
  }

  it("cover every stack of the repository", () => {
    const stacks = readdirSync(root).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    assert.deepEqual(stacks.toSorted(), reviewed.toSorted());
  });

  for (const stack of reviewed) {
    it(`${stack} becomes what was reviewed`, () => {
      const golden = join(import.meta.dirname, `${stack}.txt`);
      const text = readPlan(preview(stack));
      if (process.env["UPDATE_PLANS"] === "1") writeFileSync(golden, text);
      assert.equal(text, readFileSync(golden, "utf8"));
    });
  }
});

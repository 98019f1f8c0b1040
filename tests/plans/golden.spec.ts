/**
 * The three stacks as the embedded engine previews them, with the policy pack, against the texts beside this file.
 * After a wanted change: UPDATE_PLANS=1 npm test, then read the difference as a reviewer would.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlanReading, readPlan } from "./reading.ts";

const reviewed = ["local", "canary", "staging", "production"];
const here = ["Pulumi.local.yaml", "Pulumi.canary.yaml"];
const root = join(import.meta.dirname, "../..");
/** What the stacks are shipped with; `npm run up` puts the digest of this machine's own image into those that run here. */
const shipped = "sha256:f1836ed9b680b92d848e4ddda38c7e8358de493efe22b0dd14a5733beaa2633b";

describe("the plans of the stacks", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "golden-plans-"));
    for (const name of readdirSync(root)) if (!here.includes(name)) symlinkSync(join(root, name), join(folder, name));
    for (const name of here) {
      const text = readFileSync(join(root, name), "utf8");
      writeFileSync(join(folder, name), text.replace(/((?:blue:\s+|rlhf-audit-trail:)image: \S+@)sha256:[0-9a-f]{64}/, `$1${shipped}`));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A preview against a state that is not there, whatever this checkout has deployed. */
  function preview(stack: string): PlanReading {
    const file = join(folder, `${stack}.plan.json`);
    const args = [join(root, "engine/main.mjs"), "preview", "--stack", stack, "--json", file, "--state", join(folder, `${stack}.state.json`)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
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

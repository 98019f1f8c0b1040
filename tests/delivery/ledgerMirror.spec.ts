import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Storage } from "../ledger/s3.ts";
import { approve, evidence, project } from "./attestationWorld.ts";
import { delivery } from "./cli.ts";
import { folder, ledgerOf, promoted, rolledBack, started, switched } from "./releaseEntries.ts";

const release = [started("r-1", 0), switched("r-1", 10), promoted("r-1", 310)];

describe("delivery ledger mirror", () => {
  it("copies to a branch, whose clone verifies as the ledger does; from then on a ledger that was cut is found out", async () => {
    const repository = folder();
    execFileSync("git", ["init", "--quiet", "--bare", repository]);
    const { dir, keyFile } = ledgerOf(release);
    const mirror = async (ledger: string, ...more: string[]) => await delivery(folder(), "ledger", "mirror", ledger, "--key", keyFile, "--to", `git:${repository}#production`, ...more);
    const first = await mirror(dir);
    assert.equal(first.status, 0, first.err);
    assert.match(first.out, /^Branch production of .* had 0 and has all 3 entries of example\.com\/releases\.$/m);
    assert.deepEqual(JSON.parse((await mirror(dir, "--json")).out) as object, { origin: "example.com/releases", place: `Branch production of ${repository}`, before: 3, size: 3 });
    const clone = join(folder(), "clone");
    execFileSync("git", ["clone", "--quiet", "--branch", "production", repository, clone]);
    assert.equal((await delivery(clone, "ledger", "verify", ".", "--key", keyFile)).status, 0);
    // Signed by the right key, whole in itself, and shorter than what was seen.
    const { dir: younger } = ledgerOf([]);
    for (const suffix of [".pub", ".key"]) copyFileSync(`${dir}${suffix}`, `${younger}${suffix}`);
    const forged = join(folder(), "ledger");
    assert.equal((await delivery(folder(), "ledger", "init", forged, "--signing-key", `${younger}.key`)).status, 0);
    const told = await mirror(forged);
    assert.equal(told.status, 22, told.err);
    assert.match((await mirror(dir)).out, /has all 3 entries/);
  });

  it("copies to S3-compatible storage by the variables that its tools use; tells what it lacks, and keeps the secret", async () => {
    const storage = await Storage.start();
    const { dir, keyFile } = ledgerOf(release);
    const mirror = async () => await delivery(folder(), "ledger", "mirror", dir, "--key", keyFile, "--to", "s3://audit/production", "--endpoint", storage.endpoint);
    const before = { ...process.env };
    try {
      delete process.env.AWS_ACCESS_KEY_ID;
      const nobody = await mirror();
      assert.deepEqual([nobody.status, /Set AWS_ACCESS_KEY_ID/.test(nobody.err)], [7, true], nobody.err);
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: "someone", AWS_SECRET_ACCESS_KEY: "topsecret" });
      const done = await mirror();
      assert.equal(done.status, 0, done.err);
      assert.deepEqual([...storage.objects.keys()], ["/audit/production/entries/000000000000.jsonl", "/audit/production/checkpoint"]);
      process.env.AWS_ACCESS_KEY_ID = "stranger";
      const refused = await mirror();
      assert.deepEqual([refused.status, /403 SignatureDoesNotMatch/.test(refused.err), refused.err.includes("topsecret")], [36, true, false], refused.err);
    } finally {
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
      await storage.stop();
    }
    for (const place of ["ftp://x/y", "git:repository", "s3://A"]) assert.equal((await delivery(folder(), "ledger", "mirror", dir, "--key", keyFile, "--to", place)).status, 7, place);
  });
});

describe("delivery: ledgers that don't hold", () => {
  it("tells a changed checkpoint, one that is none, and another history from each other", async () => {
    const { dir, keyFile } = ledgerOf(release);
    const checkpoint = readFileSync(join(dir, "checkpoint"), "utf8");
    const status = async (...more: string[]) => (await delivery(dir, "ledger", "verify", dir, "--key", keyFile, ...more)).status;
    writeFileSync(join(dir, "checkpoint"), checkpoint.replace("\n3\n", "\n2\n"));
    assert.equal(await status(), 29);
    writeFileSync(join(dir, "checkpoint"), "nothing");
    assert.equal(await status(), 28);
    writeFileSync(join(dir, "checkpoint"), checkpoint);
    // The same key, another history of the same length.
    const other = ledgerOf([]);
    for (const suffix of [".pub", ".key"]) copyFileSync(`${dir}${suffix}`, `${other.dir}${suffix}`);
    const second = join(folder(), "ledger");
    await delivery(folder(), "ledger", "init", second, "--signing-key", `${dir}.key`);
    const cwd = await project();
    const record = ["--ledger", second, "--signing-key", `${dir}.key`];
    for (let entry = 0; entry < 3; entry += 1) assert.equal((await evidence(cwd, ...record)).status, 0);
    assert.equal(await status("--seen", join(second, "checkpoint")), 31);
  });

  it("records nothing while the clock shows less than what was recorded, and says so", async () => {
    const cwd = await project();
    await evidence(cwd);
    const inTenYears = (Date.now() - Date.parse("2026-11-23T12:00:00.000Z")) / 1000 + 10 * 365 * 86_400;
    const { dir, keyFile } = ledgerOf([started("r-1", 0), rolledBack("r-1", inTenYears)]);
    const entries = readFileSync(join(dir, "entries/000000000000.jsonl"), "utf8");
    const told = await approve(cwd, "--ledger", dir, "--signing-key", `${dir}.key`);
    assert.equal(told.status, 32, told.err);
    assert.match(told.err, /^The clock went back: .*\n {2}Set the clock right/);
    assert.equal(readFileSync(join(dir, "entries/000000000000.jsonl"), "utf8"), entries);
    assert.ok(!existsSync(join(cwd, "approval.json")));
    assert.equal((await delivery(cwd, "ledger", "verify", dir, "--key", keyFile)).status, 0);
  });
});

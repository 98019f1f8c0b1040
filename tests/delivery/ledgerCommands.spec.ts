import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pseudonymFor } from "../../ledger/pseudonyms.ts";
import { delivery } from "./cli.ts";
import { ada, folder, ledgerOf, promoted, rolledBack, started, switched } from "./releaseEntries.ts";

const json = (text: string): unknown => JSON.parse(text);
const errorOf = (text: string) => (json(text) as { error: { code: string; exitCode: number; message: string; fix: string } }).error;

const twoReleases = [started("r-1", 0, { committed: -60 }), switched("r-1", 10), promoted("r-1", 310), started("r-2", 400), switched("r-2", 410), rolledBack("r-2", 425, 412)];

describe("delivery ledger: from keys to proofs", () => {
  it("makes keys and a ledger, once", async () => {
    const cwd = folder();
    const made = await delivery(cwd, "ledger", "keygen", "example.com/releases");
    assert.equal(made.status, 0, made.err);
    assert.equal(statSync(join(cwd, ".delivery/ledger.key")).mode & 0o077, 0);
    const secret = readFileSync(join(cwd, ".delivery/ledger.key"), "utf8");
    assert.ok(!made.out.includes(secret.trim()), "the secret key is not shown");
    assert.equal((await delivery(cwd, "ledger", "keygen", "example.com/releases")).status, 21);
    assert.equal(readFileSync(join(cwd, ".delivery/ledger.key"), "utf8"), secret);
    assert.equal((await delivery(cwd, "ledger", "init")).status, 0);
    assert.equal((await delivery(cwd, "ledger", "init")).status, 21);
    const verified = await delivery(cwd, "ledger", "verify", "--json");
    assert.equal(verified.status, 0, verified.err);
    assert.deepEqual([(json(verified.out) as { valid: boolean; size: number }).valid, (json(verified.out) as { size: number }).size], [true, 0]);
  });

  it("proves an entry to somebody without the ledger", async () => {
    const { dir, keyFile } = ledgerOf(twoReleases);
    const cwd = folder();
    assert.equal((await delivery(cwd, "ledger", "proof", "3", "--ledger", dir, "--key", keyFile, "--out", "three")).status, 0);
    const key = readFileSync(keyFile, "utf8");
    const held = await delivery(cwd, "ledger", "verify-proof", "three.tlog-proof", "--entry", "three.json", "--key", key);
    assert.equal(held.status, 0, held.err);
    assert.match(held.out, /is entry 3 \(release-started/);
    writeFileSync(join(cwd, "three.json"), readFileSync(join(cwd, "three.json"), "utf8").replace("r-2", "r-3"));
    const forged = await delivery(cwd, "ledger", "verify-proof", "three.tlog-proof", "--entry", "three.json", "--key", key, "--json");
    assert.equal(forged.status, 35);
    assert.equal(errorOf(forged.out).code, "bad-proof");
    const older = await delivery(cwd, "ledger", "proof", "--older", join(dir, "checkpoint"), "--ledger", dir, "--key", keyFile, "--out", "grown");
    assert.equal(older.status, 0, older.err);
    assert.equal((await delivery(cwd, "ledger", "verify-proof", "grown.tlog-proof", "--older", join(dir, "checkpoint"), "--key", key)).status, 0);
    assert.equal((await delivery(cwd, "ledger", "proof", "--ledger", dir, "--key", keyFile)).status, 7);
  });

  it("tells each kind of damage by its exit status, in words and as JSON, and changes nothing", async () => {
    const { dir, keyFile } = ledgerOf(twoReleases);
    const segment = join(dir, "entries/000000000000.jsonl");
    const good = readFileSync(segment, "utf8");
    const lines = good.split("\n").slice(0, -1);
    const cases: [number, string, readonly string[]][] = [
      [22, "truncated", lines.slice(0, -1)],
      [23, "removed", lines.toSpliced(2, 1)],
      [24, "inserted", lines.toSpliced(2, 0, lines[1]!)],
      [25, "reordered", lines.with(2, lines[3]!).with(3, lines[2]!)],
      [26, "edited", lines.with(2, lines[2]!.replace("300", "301"))],
    ];
    for (const [status, code, harmed] of cases) {
      const text = harmed.map((line) => `${line}\n`).join("");
      writeFileSync(segment, text);
      const told = await delivery(dir, "ledger", "verify", dir, "--key", keyFile, "--json");
      assert.deepEqual([told.status, errorOf(told.out).code, errorOf(told.out).exitCode], [status, code, status], told.out);
      assert.equal(readFileSync(segment, "utf8"), text);
      // What reads the ledger reads nothing from a damaged one.
      assert.equal((await delivery(dir, "history", "--ledger", dir, "--key", keyFile)).status, status);
    }
    writeFileSync(segment, good);
    const other = ledgerOf([]);
    const stranger = await delivery(dir, "ledger", "verify", dir, "--key", other.keyFile);
    assert.equal(stranger.status, 30);
    assert.match(stranger.err, /is signed by .*, not by .*\n {2}If the key was changed on purpose/);
    assert.equal((await delivery(dir, "ledger", "verify", join(dir, "none"), "--key", keyFile)).status, 20);
    assert.equal((await delivery(dir, "ledger", "verify", dir, "--key", `${keyFile}.none`)).status, 34);
    copyFileSync(join(dir, "checkpoint"), join(dir, "seen"));
    rmSync(segment);
    writeFileSync(join(dir, "checkpoint"), readFileSync(join(other.dir, "checkpoint")));
    assert.equal((await delivery(dir, "ledger", "verify", dir, "--key", keyFile, "--key", other.keyFile, "--seen", join(dir, "seen"))).status, 22);
  });

  it("passes over what a crash left, and says so", async () => {
    const { dir, keyFile } = ledgerOf(twoReleases);
    appendFileSync(join(dir, "entries/000000000000.jsonl"), '{"half');
    const told = await delivery(dir, "ledger", "verify", dir, "--key", keyFile);
    assert.equal(told.status, 0);
    assert.match(told.out, /6 bytes behind the end are no part of the ledger/);
  });
});

describe("delivery history and metrics", () => {
  it("history lists releases, newest first, and one release's entries", async () => {
    const { dir, keyFile } = ledgerOf(twoReleases);
    const all = await delivery(dir, "history", "--ledger", dir, "--key", keyFile);
    assert.equal(all.status, 0, all.err);
    const [, newest, older] = all.out.split("\n");
    assert.match(newest ?? "", /^2 +r-2 +production .* taken-back +25 s .*p-aaaaaaaa.*error ratio 0\.2$/);
    assert.match(older ?? "", /^1 +r-1 .* released +5 min 10 s /);
    const one = json((await delivery(dir, "history", "r-2", "--ledger", dir, "--key", keyFile, "--json")).out) as { entries: { kind: string }[] };
    assert.deepEqual(one.entries.map(({ kind }) => kind), ["release-started", "switched", "rolled-back"]);
    const unknown = await delivery(dir, "history", "r-9", "--ledger", dir, "--key", keyFile);
    assert.equal(unknown.status, 7);
    assert.match(unknown.err, /no release "r-9".*\n {2}The newest are r-1, r-2/);
  });

  it("history names people while the file of people knows them, and no longer after forget", async () => {
    const cwd = folder();
    const people = join(cwd, "people.json");
    const who = pseudonymFor(people, "git", "Ada Lovelace <ada@example.com>");
    const { dir, keyFile } = ledgerOf(twoReleases.map(([second, draft]) => [second, { ...draft, who: { git: who } }]));
    const history = async () => (await delivery(cwd, "history", "--ledger", dir, "--key", keyFile, "--people", people)).out;
    assert.match(await history(), /Ada Lovelace/);
    assert.match((await delivery(cwd, "ledger", "forget", who, "--people", people)).out, new RegExp(`Forgotten: ${who}`));
    assert.doesNotMatch(await history(), /Ada/);
    assert.notEqual(who, ada);
  });

  it("metrics prints the five against the targets", async () => {
    const { dir, keyFile } = ledgerOf(twoReleases);
    const run = await delivery(dir, "metrics", "--ledger", dir, "--key", keyFile, "--until", "2026-11-24T12:00:00Z");
    assert.equal(run.status, 0, run.err);
    assert.match(run.out, /Change lead time \(median\) +6 min 10 s +target < 30 min +met +1 release, worst 6 min 10 s/);
    assert.match(run.out, /Deployment frequency +2 a day +target > 10 a day +missed/);
    assert.match(run.out, /recovery time \(median\) +13 s +target < 5 min +met/);
    assert.match(run.out, /Change fail rate +50 % +target < 2 % +missed +2 releases/);
    assert.match(run.out, /rework rate +0 % {2}/);
  });
});

describe("delivery: the command line", () => {
  it("knows every command's help, with an example, and refuses what it does not know", async () => {
    const cwd = folder();
    const help = await delivery(cwd, "--help");
    assert.equal(help.status, 0);
    assert.match(help.out, /ledger +the record of releases/);
    for (const command of ["history", "metrics", "ledger verify", "ledger proof", "ledger verify-proof", "ledger keygen", "ledger init", "ledger forget", "completion"]) {
      const page = await delivery(cwd, ...command.split(" "), "--help");
      assert.equal(page.status, 0);
      assert.match(page.out, new RegExp(`Examples?:\n  \\$ (source <\\()?delivery ${command}`), command);
    }
    assert.equal((await delivery(cwd, "nonsense")).status, 7);
    const wrong = await delivery(cwd, "ledger", "verify", "--nonsense", "--json");
    assert.deepEqual([wrong.status, errorOf(wrong.out).code], [7, "usage"]);
  });

  it("completes commands and options in bash", async () => {
    const script = (await delivery(folder(), "completion", "bash")).out;
    const complete = (...words: string[]): string[] => {
      const run = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _delivery; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", run], { encoding: "utf8" }).stdout.split("\n").filter((word) => word !== "");
    };
    assert.deepEqual(complete("delivery", "hist"), ["history"]);
    assert.deepEqual(complete("delivery", "ledger", "ver"), ["verify", "verify-proof"]);
    assert.deepEqual(complete("delivery", "ledger", "verify", "--s"), ["--seen"]);
    assert.deepEqual(complete("delivery", "metrics", "--d"), ["--days"]);
    for (const shell of ["zsh", "fish"]) assert.match((await delivery(folder(), "completion", shell)).out, /verify-proof/);
  });

  it("is a program: it prints, ends with the command's status, and for help loads no command at all", () => {
    const log = `import { registerHooks } from "node:module"; registerHooks({ load(url, context, next) { process.stderr.write("loaded " + url + "\\n"); return next(url, context); } });`;
    const start = (...args: string[]) => spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(log)}`, join(import.meta.dirname, "../../delivery/main.mjs"), ...args], { cwd: folder(), encoding: "utf8" });
    const help = start("--help");
    assert.equal(help.status, 0);
    assert.match(help.stdout, /^Usage: delivery/);
    assert.match(help.stderr, /loaded .*delivery\/program\.ts/);
    assert.doesNotMatch(help.stderr, /loaded .*(delivery\/commands\/|node_modules\/zod|ledger\/verify)/);
    const verify = start("ledger", "verify", "--key", "none");
    assert.equal(verify.status, 34);
    assert.match(verify.stderr, /loaded .*delivery\/commands\/ledgerVerify\.ts/);
    assert.doesNotMatch(verify.stderr, /loaded .*delivery\/commands\/(?!ledgerVerify\.ts)/);
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../delivery/exitCodes.ts";
import { commitOf } from "../../delivery/intent.ts";
import { openRecorder, type RecorderOptions } from "../../delivery/recorder.ts";
import { readPeople } from "../../ledger/pseudonyms.ts";
import { parsePublicKey } from "../../ledger/note.ts";
import type { Entry } from "../../ledger/schema.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { ada, folder, image, ledgerOf, promoted, started, switched } from "./releaseEntries.ts";

const git = (cwd: string, ...args: string[]): string => execFileSync("git", ["-c", "user.name=Ada Example", "-c", "user.email=ada@example.com", ...args], { cwd, encoding: "utf8" });

function optionsFor(dir: string, more: Partial<RecorderOptions> = {}): RecorderOptions {
  const cwd = folder();
  git(cwd, "init", "--quiet");
  git(cwd, "config", "user.name", "Ada Example");
  git(cwd, "config", "user.email", "ada@example.com");
  return { ledger: dir, signingKey: `${dir}.key`, people: join(cwd, "people.json"), stack: "production", optional: false, cwd, env: {}, command: "test", ...more };
}

const entriesOf = (dir: string, keyFile: string): Entry[] => {
  const entries: Entry[] = [];
  verifyLedger(dir, { keys: [parsePublicKey(readFileSync(keyFile, "utf8"), keyFile)], onEntry: ({ entry }) => entries.push(entry) });
  return entries;
};
const nobody = (): void => assert.fail("nothing is missing");

describe("delivery: the recorder", () => {
  it("knows what the ledger knows, and adds entries that verify, with pseudonyms for people", () => {
    const { dir, keyFile } = ledgerOf([started("r-1", 0), switched("r-1", 10), promoted("r-1", 300)]);
    const options = optionsFor(dir, { env: { GITHUB_ACTOR: "ada-at-work" } });
    const recorder = openRecorder(options, nobody);
    assert.deepEqual(recorder.releases.map(({ id, outcome }) => [id, outcome]), [["r-1", "released"]]);
    recorder.note("r-2", { kind: "release-started", what: { image: image("2"), config: image("c") }, data: { strategy: "blue-green", reason: "planned" } });
    recorder.note("r-2", { kind: "switched", data: { from: "blue", to: "green" } });
    const entries = entriesOf(dir, keyFile);
    assert.deepEqual(entries.slice(-2).map(({ kind, stack, release }) => [kind, stack, release]), [["release-started", "production", "r-2"], ["switched", "production", "r-2"]]);
    const text = JSON.stringify(entries);
    assert.ok(!text.includes("Ada") && !text.includes("ada-at-work"), "no name is in the ledger");
    assert.deepEqual(readPeople(options.people).map(({ identity }) => identity).sort(), ["Ada Example <ada@example.com>", "ada-at-work"]);
  });

  it("is not in the way of another release that shares the ledger", () => {
    const { dir, keyFile } = ledgerOf([]);
    const [one, other] = [openRecorder(optionsFor(dir), nobody), openRecorder(optionsFor(dir, { stack: "staging" }), nobody)];
    for (const [index, recorder] of [one, other, one, other].entries()) recorder.note(`r-${index}`, { kind: "switched", data: { from: "blue", to: "green" } });
    assert.deepEqual(entriesOf(dir, keyFile).map(({ stack }) => stack), ["production", "staging", "production", "staging"]);
  });

  it("reads the freeze of its own stack", () => {
    const freeze = (state: "begun" | "ended", stack: string) => [0, { kind: "freeze", stack, who: { git: ada }, why: "an audit", data: { state } }] as const;
    assert.equal(openRecorder(optionsFor(ledgerOf([freeze("begun", "production"), freeze("ended", "staging")]).dir), nobody).freeze?.why, "an audit");
    assert.equal(openRecorder(optionsFor(ledgerOf([freeze("begun", "staging")]).dir), nobody).freeze, undefined);
  });

  it("refuses a stack that is not this machine's without a ledger, and says how to make one", () => {
    const dir = join(folder(), "none");
    assert.throws(() => openRecorder(optionsFor(dir), nobody), { exitCode: exitCodes.refused, fix: /delivery ledger keygen/ });
    const told: string[] = [];
    openRecorder(optionsFor(dir, { optional: true }), (message) => told.push(message)).note("r-1", { kind: "switched", data: { to: "green" } });
    assert.match(told[0] ?? "", /nobody could prove what was done/);
  });

  it("never writes on a ledger that was edited", () => {
    const { dir } = ledgerOf([started("r-1", 0)]);
    const file = join(dir, "entries/000000000000.jsonl");
    writeFileSync(file, readFileSync(file, "utf8").replace("planned", "incident"));
    assert.throws(() => openRecorder(optionsFor(dir), nobody), { name: "LedgerError" });
  });
});

describe("delivery: the commit of a release", () => {
  it("is the one that is named, or the pipeline's, with its time where the repository has it", () => {
    const { cwd } = optionsFor(folder());
    git(cwd, "commit", "--quiet", "--allow-empty", "--message=first");
    const id = git(cwd, "rev-parse", "HEAD").trim();
    const known = commitOf(id, cwd, {});
    assert.equal(known.commit, id);
    assert.match(known.committed ?? "", /^20\d\d-.*\.000Z$/);
    assert.deepEqual(commitOf(undefined, cwd, { GITHUB_SHA: id }), known);
    const foreign = "a".repeat(40);
    assert.deepEqual(commitOf(undefined, cwd, { CI_COMMIT_SHA: foreign }), { commit: foreign });
    assert.deepEqual(commitOf(undefined, cwd, { GIT_COMMIT: "main" }), {}, "a branch is no commit");
  });
});

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { forget, pseudonymFor, readPeople } from "../../ledger/pseudonyms.ts";
import { pseudonym } from "../../ledger/values.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { refused } from "./refused.ts";
import { emptyLedger, folder, keys, open, sample } from "./world.ts";

const ada = "Ada Lovelace <ada@example.com>";

describe("ledger: pseudonyms", () => {
  it("are the same for the same identity, others for others, and say nothing by themselves", () => {
    const path = join(folder(), "people.json");
    const first = pseudonymFor(path, "git", ada);
    assert.equal(pseudonymFor(path, "git", ada), first);
    assert.notEqual(pseudonymFor(path, "ci", ada), first);
    assert.notEqual(pseudonymFor(join(folder(), "people.json"), "git", ada), first, "another file, another key");
    assert.ok(pseudonym.safeParse(first).success);
    assert.deepEqual(readPeople(path).map(({ identity, kind }) => [kind, identity]), [["git", ada], ["ci", ada]]);
    assert.equal(statSync(path).mode & 0o077, 0, "for its owner only");
  });

  it("erasure drops the row: nobody is found, the person comes back as another, and the ledger verifies as before", () => {
    const path = join(folder(), "people.json");
    const who = { git: pseudonymFor(path, "git", ada) };
    const other = pseudonymFor(path, "git", "Charles Babbage <charles@example.com>");
    const dir = emptyLedger();
    const writer = open(dir);
    writer.append({ ...sample(0), who });
    writer.close();
    const before = readFileSync(join(dir, "entries/000000000000.jsonl"), "utf8");
    assert.ok(!/lovelace|ada@/i.test(before));
    assert.deepEqual(forget(path, ada), [who.git]);
    assert.ok(!/lovelace|ada@/i.test(readFileSync(path, "utf8")));
    assert.deepEqual(readPeople(path).map((person) => person.pseudonym), [other]);
    assert.notEqual(pseudonymFor(path, "git", ada), who.git);
    assert.deepEqual(forget(path, "nobody"), []);
    assert.equal(verifyLedger(dir, { keys }).checkpoint.size, 1);
    assert.equal(readFileSync(join(dir, "entries/000000000000.jsonl"), "utf8"), before);
  });

  it("refuses a file in which somebody put another identity behind a pseudonym, or that is broken", () => {
    const path = join(folder(), "people.json");
    pseudonymFor(path, "git", ada);
    writeFileSync(path, readFileSync(path, "utf8").replace("Ada Lovelace", "Eve Lovelace"));
    assert.throws(() => readPeople(path), refused("io", /does not stand for the identity/));
    writeFileSync(path, "{");
    assert.throws(() => pseudonymFor(path, "git", ada), refused("io", /no file of pseudonyms/));
  });
});

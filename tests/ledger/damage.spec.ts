import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { signCheckpoint } from "../../ledger/checkpoint.ts";
import { LedgerError } from "../../ledger/errors.ts";
import { segmentPath } from "../../ledger/files.ts";
import { GrowingTree, leafHash } from "../../ledger/merkle.ts";
import { generateKeys, parseSecretKey } from "../../ledger/note.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { refused } from "./refused.ts";
import { checkpointOf, clock, copyOf, emptyLedger, folder, key, keys, ledgerOf, linesOf, open, rewrite, sample } from "./world.ts";

const verify = (dir: string, seen: string[] = []) => verifyLedger(dir, { keys, seen });

describe("ledger: damage is told apart", () => {
  let whole = "";
  before(() => {
    whole = ledgerOf(1500);
  });

  const harmed = (change: (dir: string) => void): string => {
    const dir = copyOf(whole);
    change(dir);
    return dir;
  };
  const swap = (lines: string[], a: number, b: number): string[] => lines.map((line, at) => (at === a ? lines[b]! : at === b ? lines[a]! : line));

  it("truncated: the end is gone", () => {
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => lines.slice(0, -1), 1000))), refused("truncated", /1500 entries, and only 1499/));
    assert.throws(() => verify(harmed((dir) => rmSync(segmentPath(dir, 1000)))), refused("truncated", /only 1000/));
    assert.throws(() => verify(harmed((dir) => rmSync(join(dir, "entries"), { recursive: true }))), refused("truncated", /only 0/));
    const cut = harmed((dir) => truncateSync(segmentPath(dir, 1000), statSync(segmentPath(dir, 1000)).size - 1));
    assert.throws(() => verify(cut), refused("truncated", /only 1499/));
  });

  it("removed: an entry or a whole file in the middle is gone", () => {
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => lines.toSpliced(7, 1)))), refused("removed", /Entry 7 is gone, while/));
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => lines.toSpliced(7, 3)))), refused("removed", /Entry 7 is gone, and 2 more/));
    assert.throws(() => verify(harmed((dir) => rmSync(segmentPath(dir, 0)))), refused("removed", /Entry 0 is gone, and 999 more/));
  });

  it("reordered: all are there, in another order", () => {
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => swap(lines, 3, 4)))), refused("reordered", /where entry 3 should be stands entry 4/));
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => swap(lines, 0, 499), 1000))), refused("reordered", /where entry 1000 should be stands entry 1499/));
  });

  it("inserted: a line too many", () => {
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => lines.toSpliced(5, 0, lines[2]!)))), refused("inserted", /Where entry 5 should be.*entry 2, which is there twice/));
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => lines.toSpliced(5, 0, "{}")))), refused("inserted", /Where entry 5 should be.*no number/));
    assert.throws(() => verify(harmed((dir) => rewrite(dir, (lines) => [...lines, lines[999]!]))), refused("inserted"));
  });

  it("edited: one byte, one value, the last entry, the bytes between lines", () => {
    const editLine = (at: number, from: string | RegExp, to: string, seq = 0) => harmed((dir) => rewrite(dir, (lines) => lines.with(at, lines[at]!.replace(from, to)), seq));
    assert.throws(() => verify(editLine(41, '"at":41', '"at":42')), refused("edited", /Entry 41 was changed, or the link to it in entry 42/));
    assert.throws(() => verify(editLine(41, "{", "")), refused("edited", /Entry 41 was changed: it is not JSON/));
    assert.throws(() => verify(editLine(41, "{", "{ ")), refused("edited", /Entry 41 was changed: it is not canonical/));
    assert.throws(() => verify(editLine(41, "bake-sample", "nonsense")), refused("edited", /Entry 41 was changed/));
    assert.throws(() => verify(editLine(499, '"at":1499', '"at":1', 1000)), refused("edited", /fit each other and not the signed checkpoint/));
    assert.throws(() => verify(editLine(499, "{", "", 1000)), refused("edited", /Entry 1499 was changed: it is not JSON/));
  });

  it("edited: rewritten whole by somebody without the key, every link right", () => {
    const forged = ledgerOf(1499); // same clock, same samples: a history of its own
    const dir = copyOf(whole);
    rmSync(join(dir, "entries"), { recursive: true });
    const other = emptyLedger();
    const writer = open(other);
    writer.appendAll(Array.from({ length: 1500 }, (_, n) => sample(n === 700 ? 701 : n)));
    writer.close();
    cpSync(join(other, "entries"), join(dir, "entries"), { recursive: true });
    assert.throws(() => verify(dir), refused("edited", /rewritten by somebody without the key/));
    assert.equal(verify(forged).checkpoint.size, 1499);
  });

  it("other key, changed checkpoint, no checkpoint, no ledger", () => {
    const stranger = parseSecretKey(generateKeys(key.name).secret);
    assert.throws(() => verifyLedger(whole, { keys: [stranger] }), refused("other-key"));
    assert.throws(() => verify(harmed((dir) => writeFileSync(join(dir, "checkpoint"), checkpointOf(dir).replace("\n1500\n", "\n1499\n")))), refused("bad-signature"));
    assert.throws(() => verify(harmed((dir) => writeFileSync(join(dir, "checkpoint"), ""))), refused("bad-checkpoint"));
    assert.throws(() => verify(harmed((dir) => rmSync(join(dir, "checkpoint")))), refused("bad-checkpoint", /is gone, while entries are there/));
    assert.throws(() => verify(folder()), refused("missing"));
  });

  it("put back to an older state: only somebody who remembers can tell, and does", () => {
    const dir = emptyLedger();
    const writer = open(dir);
    writer.appendAll([sample(0), sample(1)]);
    const older = copyOf(dir);
    const { checkpoint } = writer.append(sample(2));
    writer.close();
    assert.equal(verify(older).checkpoint.size, 2);
    assert.throws(() => verify(older, [checkpoint]), refused("truncated", /covers 3 entries, and the ledger has 2: it was put back/));
    assert.equal(verify(dir, [checkpointOf(older), checkpoint]).checkpoint.size, 3);
  });

  it("fork: two histories signed by the same key", () => {
    const dir = emptyLedger();
    const twin = copyOf(dir);
    for (const [at, path] of [dir, twin].entries()) {
      const writer = open(path);
      writer.appendAll([sample(at), sample(5)]);
      writer.close();
    }
    assert.throws(() => verify(dir, [checkpointOf(twin)]), refused("fork", /two histories, both signed/));
    const grown = open(dir, { now: clock(Date.parse("2026-11-24T00:00:00.000Z")) });
    grown.append(sample(6));
    grown.close();
    assert.throws(() => verify(dir, [checkpointOf(twin)]), refused("fork"));
  });

  it("a signed entry that breaks the rules is no damage, and is told as what it is", () => {
    const signedBadly = (change: (text: string) => string): string => {
      const dir = copyOf(ledgerOf(2));
      rewrite(dir, (lines) => lines.with(1, change(lines[1]!)));
      const tree = new GrowingTree();
      for (const line of linesOf(dir)) tree.add(leafHash(Buffer.from(line)));
      writeFileSync(join(dir, "checkpoint"), signCheckpoint({ origin: key.name, size: 2, root: tree.root() }, key));
      return dir;
    };
    assert.equal(verify(signedBadly((text) => text)).checkpoint.size, 2);
    assert.throws(() => verify(signedBadly((text) => text.replace("bake-sample", "bake-simple"))), refused("invalid-entry", /Entry 1 was signed as it stands/));
    assert.throws(() => verify(signedBadly((text) => text.replace("12:00:02", "11:00:02"))), refused("invalid-entry", /lies 3599000 ms before the latest one, and it says 0/));
    assert.throws(() => verify(signedBadly((text) => text.replace('"v":1', '"v":2'))), refused("invalid-entry", /version 2.*use a newer one/));
  });

  it("any single byte changed is found", () => {
    const dir = ledgerOf(6);
    const size = statSync(segmentPath(dir, 0)).size;
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const copy = join(folder(), "one");
        mkdirSync(join(copy, "entries"), { recursive: true });
        writeFileSync(join(copy, "checkpoint"), checkpointOf(dir));
        const bytes = Buffer.from(linesOf(dir).map((line) => `${line}\n`).join(""));
        bytes[at]! ^= flip;
        writeFileSync(segmentPath(copy, 0), bytes);
        assert.throws(() => verify(copy), LedgerError);
      }),
      { numRuns: 150 },
    );
  });

  it("lines behind the checkpoint are no part of the ledger, whoever put them there", () => {
    const dir = copyOf(ledgerOf(3));
    rewrite(dir, (lines) => [...lines, lines[2]!.replace('"seq":2', '"seq":3')]);
    const seen: number[] = [];
    const { tail, checkpoint } = verifyLedger(dir, { keys, onEntry: ({ entry }) => seen.push(entry.seq) });
    assert.deepEqual([checkpoint.size, tail.lines, seen], [3, 1, [0, 1, 2]]);
  });
});

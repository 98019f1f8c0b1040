import assert from "node:assert/strict";
import fc from "fast-check";
import { LedgerError } from "../../ledger/errors.ts";
import { proveConsistency, proveInclusion, verifyConsistencyProof, verifyInclusionProof } from "../../ledger/proof.ts";
import { refused } from "./refused.ts";
import { checkpointOf, clock, copyOf, emptyLedger, epoch, keys, ledgerOf, linesOf, open, sample } from "./world.ts";

describe("ledger: proofs", () => {
  it("every entry's inclusion is proved to somebody who has the proof, the entry and the key only", () => {
    for (const size of [1, 2, 3, 13]) {
      const dir = ledgerOf(size);
      for (let seq = 0; seq < size; seq += 1) {
        const { line, proof } = proveInclusion(dir, seq, keys);
        assert.equal(line.bytes.toString(), linesOf(dir)[seq]);
        const { checkpoint, line: proved } = verifyInclusionProof(proof, Buffer.concat([line.bytes, Buffer.from("\n")]), keys);
        assert.deepEqual([checkpoint.size, proved.entry.seq], [size, seq]);
      }
    }
  });

  it("has the form that others read: header, index, hashes, checkpoint as it is", () => {
    const dir = ledgerOf(3);
    const { proof } = proveInclusion(dir, 1, keys);
    const [header, index, ...rest] = proof.split("\n");
    assert.deepEqual([header, index, rest.indexOf("")], ["c2sp.org/tlog-proof@v1", "index 1", 2]);
    assert.ok(proof.endsWith(`\n\n${checkpointOf(dir)}`));
    verifyInclusionProof(proof.replace("\nindex", "\nextra YWJj\nindex"), Buffer.from(linesOf(dir)[1]!), keys);
  });

  it("no proof holds for another entry, place or after a change of a byte", () => {
    const dir = ledgerOf(9);
    const { line, proof } = proveInclusion(dir, 4, keys);
    assert.throws(() => verifyInclusionProof(proof, Buffer.from(linesOf(dir)[5]!), keys), refused("bad-proof"));
    assert.throws(() => verifyInclusionProof(proof.replace("index 4", "index 5"), line.bytes, keys), refused("bad-proof"));
    assert.throws(() => verifyInclusionProof("", line.bytes, keys), refused("bad-proof"));
    fc.assert(
      fc.property(fc.nat(proof.length - 1), fc.integer({ min: 1, max: 127 }), (at, flip) => {
        const changed = proof.slice(0, at) + String.fromCharCode(proof.charCodeAt(at) ^ flip) + proof.slice(at + 1);
        assert.throws(() => verifyInclusionProof(changed, line.bytes, keys), LedgerError);
      }),
      { numRuns: 300 },
    );
    assert.throws(() => proveInclusion(dir, 9, keys), refused("bad-proof", /no entry 9: the ledger has 0 to 8/));
    assert.throws(() => proveInclusion(emptyLedger(), 0, keys), refused("bad-proof", /has none/));
  });

  it("a ledger's growth is proved to somebody who kept an older checkpoint", () => {
    const dir = emptyLedger();
    const notes = [checkpointOf(dir)];
    const writer = open(dir);
    for (let n = 0; n < 9; n += 1) notes.push(writer.append(sample(n)).checkpoint);
    writer.close();
    for (const [size, older] of notes.entries()) {
      const proof = proveConsistency(dir, older, keys);
      assert.ok(proof.startsWith(`old ${size}\n`));
      assert.equal(verifyConsistencyProof(proof, older, keys).size, 9);
      const another = notes[(size + 1) % notes.length]!;
      assert.throws(() => verifyConsistencyProof(proof, another, keys), LedgerError);
    }
  });

  it("a fork has no proof, neither made nor believed", () => {
    const base = ledgerOf(3);
    const twin = copyOf(base);
    const [one, other] = [base, twin].map((dir, at) => {
      const writer = open(dir, { now: clock(epoch + 60_000) });
      writer.appendAll([sample(50 + at), sample(60)]);
      writer.close();
      return dir;
    }) as [string, string];
    assert.throws(() => proveConsistency(one, checkpointOf(other), keys), refused("fork"));
    const proof = proveConsistency(one, checkpointOf(ledgerOf(3)), keys);
    const forged = proof.slice(0, proof.indexOf("\n\n") + 2) + checkpointOf(other);
    assert.throws(() => verifyConsistencyProof(forged, checkpointOf(ledgerOf(3)), keys), refused("fork", /do not continue/));
    assert.throws(() => proveConsistency(ledgerOf(2), checkpointOf(one), keys), refused("truncated"));
  });
});

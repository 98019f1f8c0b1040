import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { isCanonical } from "../../ledger/entry.ts";
import { segmentPath } from "../../ledger/files.ts";
import { generateKeys, parseSecretKey } from "../../ledger/note.ts";
import type { Draft } from "../../ledger/schema.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { createLedger } from "../../ledger/writer.ts";
import { refused } from "./refused.ts";
import { checkpointOf, clock, copyOf, digestOf, emptyLedger, epoch, folder, key, keys, ledgerOf, linesOf, open, publicKey, sample } from "./world.ts";

describe("ledger: appending", () => {
  it("records entries that verify, over segments and openings", () => {
    const dir = ledgerOf(2500);
    const writer = open(dir, { now: clock(epoch + 3_600_000) });
    assert.equal(writer.size, 2500);
    const { lines, checkpoint } = writer.append(sample(2500));
    writer.close();
    assert.equal(lines[0]?.entry.seq, 2500);
    assert.equal(checkpointOf(dir), checkpoint);
    assert.equal(linesOf(dir, 0).length, 1000);
    assert.equal(linesOf(dir, 2500).length, 501);
    const seen: number[] = [];
    const { checkpoint: verified, tail } = verifyLedger(dir, { keys, onEntry: ({ entry }) => seen.push(entry.seq) });
    assert.deepEqual([verified.size, verified.origin, tail], [2501, key.name, { bytes: 0, lines: 0 }]);
    assert.deepEqual(seen, Array.from({ length: 2501 }, (_, n) => n));
  });

  it("gives the same ledger whether entries come one by one or together", () => {
    const one = emptyLedger();
    const writer = open(one);
    for (let n = 0; n < 5; n += 1) writer.append(sample(n));
    writer.close();
    const other = ledgerOf(5);
    assert.deepEqual(readFileSync(segmentPath(one, 0)), readFileSync(segmentPath(other, 0)));
    assert.equal(checkpointOf(one), checkpointOf(other));
  });

  it("refuses an entry that breaks the schema, says where, and records nothing", () => {
    const dir = ledgerOf(1);
    const before = checkpointOf(dir);
    const writer = open(dir, { now: clock(epoch + 60_000) });
    const wrong: [Draft, RegExp][] = [
      [{ ...sample(1), who: { git: "ada@example.com" } }, /who\.git: must be a pseudonym/],
      [{ ...sample(1), why: "asked for by ada@example.com" }, /why: holds what looks like an e-mail address/],
      [{ ...sample(1), why: "two\nlines" }, /why: must be one line/],
      [{ ...sample(1), stack: "Production" }, /stack: must be 1 to 100 lower-case/],
      [{ ...sample(1), surplus: 1 } as unknown as Draft, /surplus/],
      [{ kind: "override", stack: "production", who: {}, data: { rule: "freeze" } } as unknown as Draft, /why/],
      [{ kind: "release-started", release: "r-1", stack: "production", who: {}, what: { image: "latest", config: digestOf("a") }, data: { strategy: "blue-green", reason: "planned" } }, /what\.image: must be sha256/],
    ];
    for (const [draft, message] of wrong) assert.throws(() => writer.append(draft), refused("invalid-entry", message));
    // All or nothing, also when only the last is wrong.
    assert.throws(() => writer.appendAll([sample(1), { ...sample(2), stack: "" }]), refused("invalid-entry"));
    writer.close();
    assert.equal(checkpointOf(dir), before);
    assert.equal(linesOf(dir).length, 1);
  });

  it("refuses a clock that went back; with `flag` records by how much, and verification counts it", () => {
    const dir = ledgerOf(3); // the last at epoch + 3 s
    const writer = open(dir, { now: () => epoch + 1500 });
    assert.throws(() => writer.append(sample(3)), refused("clock", /12:00:01\.500Z.*12:00:03\.000Z/));
    assert.equal(writer.append(sample(3), "flag").lines[0]?.entry.clockBehindMs, 1500);
    // Behind the latest, not merely behind the entry before.
    assert.equal(writer.append(sample(4), "flag").lines[0]?.entry.clockBehindMs, 1500);
    writer.close();
    assert.equal(verifyLedger(dir, { keys }).clockFlags, 2);
  });

  it("keeps one writer at a time and names the holder", () => {
    const dir = ledgerOf(1);
    const writer = open(dir, { command: "release --stack production" });
    assert.throws(() => open(dir), refused("locked", new RegExp(`pid ${process.pid}\\), running "release --stack production"`)));
    writer.close();
    open(dir).close();
    assert.throws(() => writer.append(sample(1)), refused("locked"));
  });

  it("stops when something else wrote behind its back", () => {
    const dir = ledgerOf(2);
    const older = checkpointOf(ledgerOf(1));
    const writer = open(dir, { now: clock(epoch + 60_000) });
    writeFileSync(join(dir, "checkpoint"), older);
    assert.throws(() => writer.append(sample(2)), refused("fork", /while this process held the lock/));
    writer.close();
  });

  it("never begins anew where something is, nor writes where nothing is", () => {
    const dir = ledgerOf(1);
    assert.throws(() => createLedger(dir, key), refused("exists"));
    const none = join(folder(), "none");
    assert.throws(() => open(none), refused("missing"));
    assert.ok(!existsSync(none));
    assert.throws(() => open(folder()), refused("missing"));
  });

  it("goes on after a change of keys, which a verifier with only the old key sees", () => {
    const dir = ledgerOf(2);
    const next = parseSecretKey(generateKeys(key.name).secret);
    assert.throws(() => open(dir, { key: next }), refused("other-key"));
    const writer = open(dir, { key: next, formerKeys: [publicKey], now: clock(epoch + 60_000) });
    writer.append(sample(2));
    writer.close();
    assert.throws(() => verifyLedger(dir, { keys }), refused("other-key", new RegExp(next.id)));
    assert.equal(verifyLedger(dir, { keys: [next] }).checkpoint.size, 3);
  });

  it("never writes on a damaged ledger", () => {
    const dir = copyOf(ledgerOf(3));
    writeFileSync(segmentPath(dir, 0), linesOf(dir).slice(0, 2).join("\n"));
    const before = readFileSync(segmentPath(dir, 0));
    assert.throws(() => open(dir), refused("truncated"));
    assert.deepEqual(readFileSync(segmentPath(dir, 0)), before);
  });

  it("tells canonical JSON as RFC 8785's writer does", () => {
    // Names of our schema begin with a letter; JavaScript would put names that are numbers first.
    const names = fc.string({ minLength: 1, maxLength: 6 }).filter((name) => !/^\d+$/.test(name) && name !== "__proto__");
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ depthSize: "small" }, fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null), fc.boolean(), fc.array(tie("any"), { maxLength: 3 }), fc.dictionary(names, tie("any"), { maxKeys: 4 })),
    })).any;
    fc.assert(
      fc.property(value, (made) => {
        const text = JSON.stringify(made);
        const parsed: unknown = JSON.parse(text);
        assert.ok(isCanonical(JSON.parse(canonicalize(parsed)!), canonicalize(parsed)!));
        assert.equal(isCanonical(parsed, text), canonicalize(parsed) === text);
        assert.equal(isCanonical(parsed, ` ${text}`), false);
      }),
    );
  });
});

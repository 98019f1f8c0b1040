import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { segmentPath } from "../../ledger/files.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { refused } from "./refused.ts";
import { checkpointOf, clock, copyOf, emptyLedger, epoch, keys, ledgerOf, linesOf, open, pair, sample } from "./world.ts";

/** Opens for writing, appends one, and verifies: what every crash must leave possible. */
function goesOn(dir: string, expected: number, message: string): void {
  const writer = open(dir, { now: clock(epoch + 86_400_000) });
  assert.equal(writer.size, expected, message);
  writer.append(sample(99));
  writer.close();
  const { checkpoint, tail } = verifyLedger(dir, { keys });
  assert.equal(checkpoint.size, expected + 1, message);
  assert.equal(tail.bytes, 0, message);
  assert.ok(!existsSync(join(dir, "checkpoint.next")), message);
}

/** A ledger as a crash leaves it: `content` of the segment, the checkpoint of before, and perhaps the next one on its way. */
function crashed(dir: string, size: number, content: Buffer, next?: string): string {
  const copy = copyOf(dir);
  writeFileSync(segmentPath(copy, size), content);
  if (next !== undefined) writeFileSync(join(copy, "checkpoint.next"), next);
  return copy;
}

describe("ledger: crashes", () => {
  it("a torn append, cut at every byte, loses nothing acknowledged, verifies as it lies, and is gone with the next append", () => {
    const dir = ledgerOf(2);
    const before = statSync(segmentPath(dir, 0)).size;
    const later = copyOf(dir);
    const writer = open(later, { now: clock(epoch + 60_000) });
    writer.append(sample(2));
    writer.close();
    const content = readFileSync(segmentPath(later, 0));
    for (let cut = before; cut <= content.length; cut += 1) {
      const copy = crashed(dir, 2, content.subarray(0, cut));
      const { checkpoint, tail } = verifyLedger(copy, { keys });
      assert.deepEqual([checkpoint.size, tail.bytes], [2, cut - before], `cut at ${cut}`);
      const reopened = open(copy, { now: clock(epoch + 60_000) });
      assert.equal(reopened.repaired.bytes, cut - before);
      reopened.append(sample(2));
      reopened.close();
      assert.deepEqual(readFileSync(segmentPath(copy, 0)), content, `cut at ${cut}`);
      assert.equal(checkpointOf(copy), checkpointOf(later));
    }
  });

  it("what was acknowledged is never cut: a file that ends before it is damage, at every byte", () => {
    const dir = ledgerOf(2);
    const size = statSync(segmentPath(dir, 0)).size;
    for (let cut = 0; cut < size; cut += 1) {
      const copy = copyOf(dir);
      truncateSync(segmentPath(copy, 0), cut);
      assert.throws(() => open(copy), refused("truncated"));
      assert.equal(statSync(segmentPath(copy, 0)).size, cut, "left as it was found");
    }
  });

  it("a signed checkpoint that did not get to its place gets there if all its entries are on the disk, and goes otherwise", () => {
    const dir = ledgerOf(4);
    const later = copyOf(dir);
    const writer = open(later, { now: clock(epoch + 60_000) });
    writer.append(sample(4));
    writer.close();
    const content = readFileSync(segmentPath(later, 0));
    const next = checkpointOf(later);
    goesOn(crashed(dir, 4, content, next), 5, "whole");
    goesOn(crashed(dir, 4, content.subarray(0, -1), next), 4, "an entry without its end");
    for (const cut of [0, 1, next.indexOf("\n\n"), next.length - 1]) goesOn(crashed(dir, 4, content, next.slice(0, cut)), 4, `checkpoint cut at ${cut}`);
    goesOn(crashed(dir, 4, content, checkpointOf(dir)), 4, "the same checkpoint again");
  });

  it("a crash while a new segment begins is no damage", () => {
    const dir = ledgerOf(1000);
    goesOn(crashed(dir, 1000, Buffer.alloc(0)), 1000, "an empty segment");
    goesOn(crashed(dir, 1000, Buffer.from('{"half')), 1000, "half a line");
    // An append over the border: both segments hold lines that nobody was told of.
    const near = ledgerOf(998);
    const over = copyOf(near);
    const writer = open(over, { now: clock(epoch + 3_600_000) });
    writer.appendAll([sample(998), sample(999), sample(1000)]);
    writer.close();
    writeFileSync(join(over, "checkpoint"), checkpointOf(near));
    assert.deepEqual(verifyLedger(over, { keys }).tail.lines, 3);
    goesOn(over, 998, "over the border");
    assert.deepEqual(readdirSync(join(over, "entries")), ["000000000000.jsonl"]);
  });

  it("any rubbish behind the end is cut off and nothing before it", () => {
    const dir = ledgerOf(3);
    const before = linesOf(dir);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (rubbish) => {
        const copy = copyOf(dir);
        appendFileSync(segmentPath(copy, 0), rubbish);
        goesOn(copy, 3, Buffer.from(rubbish).toString("hex"));
        assert.deepEqual(linesOf(copy).slice(0, 3), before);
      }),
      { numRuns: 40 },
    );
  });

  it("kill -9 of a writing process, again and again: all that it was told of is there, and the ledger verifies", async () => {
    const dir = emptyLedger();
    let acknowledged = -1;
    for (let round = 0; round < 6; round += 1) {
      acknowledged = Math.max(acknowledged, await appendAndKill(dir, 1 + round * 4));
      const { checkpoint } = verifyLedger(dir, { keys });
      assert.ok(checkpoint.size > acknowledged, `round ${round}: told of entry ${acknowledged}, the ledger has ${checkpoint.size}`);
    }
    assert.ok(acknowledged > 20);
    const writer = open(dir, { now: Date.now });
    writer.append(sample(1), "flag");
    writer.close();
    verifyLedger(dir, { keys });
  });
});

/** Appends until it is killed, and tells each entry once it is acknowledged; one, two or three at a time, so that a crash can fall between the lines of one append. */
const appender = (dir: string): string => `
  import { writeSync } from "node:fs";
  import { parseSecretKey } from ${JSON.stringify(join(import.meta.dirname, "../../ledger/note.ts"))};
  import { openLedger } from ${JSON.stringify(join(import.meta.dirname, "../../ledger/writer.ts"))};
  const writer = openLedger(${JSON.stringify(dir)}, { key: parseSecretKey(process.env.SECRET), command: "append until killed" });
  writeSync(1, "open\\n");
  for (;;) {
    const drafts = Array.from({ length: 1 + (writer.size % 3) }, () => ({ kind: "bake-sample", release: "r-1", stack: "production", who: {}, data: { at: writer.size, measures: {} } }));
    const { lines } = writer.appendAll(drafts, "flag");
    writeSync(1, lines.at(-1).entry.seq + "\\n");
  }`;

/** Lets a process append, kills it when it has acknowledged `after` times, and gives the last entry it told of. */
async function appendAndKill(dir: string, times: number): Promise<number> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", appender(dir)], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, SECRET: pair.secret } });
  let out = "";
  let errors = "";
  child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString();
    if (out.split("\n").length - 2 >= times) child.kill("SIGKILL");
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.once("close", (_, how) => resolve(how)));
  assert.equal(signal, "SIGKILL", errors);
  // The last line may have been cut; the one before was told whole.
  const told = out.split("\n").slice(0, -1).filter((line) => /^\d+$/.test(line)).map(Number);
  return told.at(-1) ?? -1;
}

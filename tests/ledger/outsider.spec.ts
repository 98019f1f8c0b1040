/** A verifier written from docs/ledger.md alone: it shares no code with the ledger's own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, createPublicKey, verify } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { proveInclusion } from "../../ledger/proof.ts";
import { generateKeys } from "../../ledger/note.ts";
import { checkpointOf, copyOf, folder, keys, ledgerOf, pair, publicKey, rewrite } from "./world.ts";

const sha256 = (...parts: Buffer[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/** "The root": recursively, as RFC 6962 defines it. */
function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0]!);
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(Buffer.of(1), rootOf(leaves.slice(0, left)), rootOf(leaves.slice(left)));
}

/** "The checkpoint". */
function checkpointIn(note: string, key: string): { size: number; root: string } {
  const [name, id, encoded] = [key.slice(0, key.indexOf("+")), key.split("+")[1]!, key.slice(key.indexOf("+", key.indexOf("+") + 1) + 1)];
  const raw = Buffer.from(encoded, "base64").subarray(1);
  assert.equal(sha256(Buffer.from(`${name}\n`), Buffer.of(1), raw).subarray(0, 4).toString("hex"), id);
  const text = note.slice(0, note.lastIndexOf("\n\n") + 1);
  const line = note.slice(text.length + 1).split("\n").find((each) => each.startsWith(`— ${name} `))!;
  const signature = Buffer.from(line.split(" ")[2]!, "base64");
  assert.equal(signature.subarray(0, 4).toString("hex"), id);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  assert.ok(verify(null, Buffer.from(text), createPublicKey({ key: spki, format: "der", type: "spki" }), signature.subarray(4)), "signature");
  const [origin, size, root] = text.split("\n");
  assert.equal(origin, name);
  return { size: Number(size), root: root! };
}

function outsider(dir: string, key: string): number {
  const { size, root } = checkpointIn(readFileSync(join(dir, "checkpoint"), "utf8"), key);
  const text = readdirSync(join(dir, "entries")).sort().map((name) => readFileSync(join(dir, "entries", name), "latin1")).join("");
  const lines = text.split("\n").slice(0, size).map((line) => Buffer.from(line, "latin1"));
  assert.equal(rootOf(lines).toString("base64"), root, "root");
  for (const [at, line] of lines.entries()) {
    const entry = JSON.parse(line.toString("utf8")) as { seq: number; previous?: string };
    assert.equal(entry.seq, at);
    assert.equal(entry.previous, at === 0 ? undefined : sha256(Buffer.of(0), lines[at - 1]!).toString("hex"));
  }
  return size;
}

describe("ledger: an outsider's verifier", () => {
  it("agrees on whole ledgers of any size, and refuses a changed one", () => {
    for (const size of [0, 1, 2, 7, 1003]) assert.equal(outsider(ledgerOf(size), pair.public), size);
    const dir = copyOf(ledgerOf(5));
    const path = join(dir, "entries/000000000000.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replace('"at":3', '"at":4'));
    assert.throws(() => outsider(dir, pair.public), /root/);
  });

  it("follows an inclusion proof to the signed root", () => {
    const { line, proof } = proveInclusion(ledgerOf(4), 2, keys);
    const [head, note] = [proof.slice(0, proof.indexOf("\n\n")), proof.slice(proof.indexOf("\n\n") + 2)];
    const [, index, third, firstTwo] = head.split("\n");
    assert.equal(index, "index 2");
    // Leaf 2 of 4: its sibling stands on the right, then the first two on the left.
    const right = sha256(Buffer.of(1), sha256(Buffer.of(0), line.bytes), Buffer.from(third!, "base64"));
    const root = sha256(Buffer.of(1), Buffer.from(firstTwo!, "base64"), right);
    assert.equal(root.toString("base64"), checkpointIn(note, pair.public).root);
    assert.ok(pair.public.startsWith(publicKey.name));
  });

  it("can be the shell's: the script in the documentation agrees, and says what does not hold", function () {
    this.timeout(120_000);
    const page = readFileSync(join(import.meta.dirname, "../../docs/ledger.md"), "utf8");
    const script = join(folder(), "verify.sh");
    writeFileSync(script, /```bash\n([^]*?)```/.exec(page)?.[1] ?? "exit 9");
    const told = (dir: string, key = pair.public): string => {
      const { status, stdout, stderr } = spawnSync("bash", [script, dir, key], { encoding: "utf8" });
      return `${status ?? -1} ${stdout}${stderr}`.trim();
    };
    for (const size of [0, 1, 2, 7]) assert.equal(told(ledgerOf(size)), `0 It holds what was signed: ${size} entries of example.com/releases.`);
    const whole = ledgerOf(5);
    const edited = copyOf(whole);
    rewrite(edited, (lines) => lines.map((line) => line.replace('"at":3', '"at":4')));
    assert.equal(told(edited), "1 Not what was signed: the entries are others.");
    const cut = copyOf(whole);
    rewrite(cut, (lines) => lines.slice(0, -1));
    assert.equal(told(cut), "1 Not what was signed: 5 entries were signed, and 4 are there.");
    const claimed = copyOf(cut);
    writeFileSync(join(claimed, "checkpoint"), checkpointOf(cut).replace("\n5\n", "\n4\n"));
    assert.equal(told(claimed), "1 Not what was signed: the signature does not fit.");
    assert.equal(told(whole, generateKeys("example.com/releases").public), "1 Not what was signed: the signature does not fit.");
    assert.equal(told(whole, generateKeys("example.com/other").public), "1 Not what was signed: nobody signed under example.com/other.");
  });
});

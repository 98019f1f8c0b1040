import assert from "node:assert/strict";
import fc from "fast-check";
import { recordedText } from "../../delivery/recordedText.ts";
import { text } from "../../ledger/values.ts";
import { delivery } from "./cli.ts";
import { folder } from "./releaseEntries.ts";

describe("what a cluster said, for the record", () => {
  it("is taken by the ledger, whatever it is", () => {
    const pieces = fc.constantFrom("ErrImagePull: ghcr.io/terragonlabs/audit@sha256:0a1b.", "ada@example.org", "\n\t", "\u0000", "\ud83d", "🙂", "a".repeat(300), " at ");
    fc.assert(fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: "binary", minLength: 1 })), { minLength: 1 }), (words) => assert.ok(text.safeParse(recordedText(words.join(""))).success)));
    assert.ok(!text.safeParse("asked ada@example.org").success, "the ledger takes no address as it is");
  });

  it("stays readable", () => {
    assert.equal(recordedText('pulling "x@sha256:0a": denied\nby y'), 'pulling "x at sha256:0a": denied by y');
  });
});

describe("what a person says, for the record", () => {
  const cwd = folder();
  for (const [command, option, ...rest] of [
    ["rollback", "--why", "--stack", "local"],
    ["release", "--why", "--stack", "local", "--image", "x"],
    ["release", "--override-freeze", "--stack", "local", "--image", "x"],
    ["promote", "--why", "--stack", "local"],
    ["freeze", "--why", "--stack", "local"],
    ["approve", "--why"],
  ] as const) {
    it(`is refused before ${command} begins, where the ledger would not take its ${option}`, async () => {
      for (const [words, problem] of [["ada@example.org asked", /e-mail address/], ["two\nlines", /one line/], ["", /is 0/], ["x".repeat(501), /is 501/]] as const) {
        const { status, err } = await delivery(cwd, command, ...rest, option, words);
        assert.equal(status, 7, err);
        assert.match(err, problem);
      }
    });
  }
});

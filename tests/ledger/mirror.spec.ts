import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LedgerErrorCode } from "../../ledger/errors.ts";
import { type Mirror, mirrorLedger } from "../../ledger/mirror.ts";
import { gitMirror } from "../../ledger/mirrorGit.ts";
import { s3Mirror } from "../../ledger/mirrorS3.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { refused } from "./refused.ts";
import { Storage } from "./s3.ts";
import { checkpointOf, clock, copyOf, epoch, folder, keys, ledgerOf, open, sample } from "./world.ts";

const git = (cwd: string, ...args: string[]): string => execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();

function grow(dir: string, from: number, count: number, later = 100_000): void {
  const writer = open(dir, { now: clock(epoch + later * 1000) });
  writer.appendAll(Array.from({ length: count }, (_, n) => sample(from + n)));
  writer.close();
}

/** A kind of mirror, and how its copy gets to somebody who verifies it. */
interface Kind {
  readonly mirror: () => Mirror;
  readonly fetched: () => string;
  readonly stop: () => Promise<void>;
}

function gitKind(): Promise<Kind> {
  const repository = folder();
  git(repository, "init", "--quiet", "--bare");
  return Promise.resolve({
    mirror: () => gitMirror(repository, "ledger"),
    fetched: () => {
      const copy = folder();
      git(copy, "clone", "--quiet", "--branch", "ledger", repository, "ledger");
      return join(copy, "ledger");
    },
    stop: async () => await Promise.resolve(),
  });
}

async function s3Kind(): Promise<Kind & { storage: Storage }> {
  const storage = await Storage.start();
  return {
    storage,
    mirror: () => s3Mirror({ endpoint: storage.endpoint, bucket: "audit", prefix: "production/", accessKeyId: "someone", secretAccessKey: "secret" }),
    fetched: () => {
      const copy = folder();
      storage.fetchTo(copy, "/audit/production/");
      return copy;
    },
    stop: async () => await storage.stop(),
  };
}

for (const [name, make] of [["a Git branch", gitKind], ["S3-compatible storage", s3Kind]] as const) {
  describe(`ledger: ${name} as a mirror`, () => {
    let kind: Kind;
    beforeEach(async () => {
      kind = await make();
    });
    afterEach(async () => await kind.stop());

    it("takes a ledger, and later what was added; what it holds verifies as a ledger, over segments' borders", async () => {
      const dir = ledgerOf(998);
      assert.deepEqual(await mirrorLedger(dir, keys, kind.mirror()), { origin: "example.com/releases", before: 0, size: 998 });
      grow(dir, 998, 1005);
      assert.deepEqual(await mirrorLedger(dir, keys, kind.mirror()), { origin: "example.com/releases", before: 998, size: 2003 });
      const copy = kind.fetched();
      assert.equal(verifyLedger(copy, { keys }).checkpoint.size, 2003);
      assert.equal(checkpointOf(copy), checkpointOf(dir));
    });

    it("takes an empty ledger, and is left alone when there is nothing new", async () => {
      const dir = ledgerOf(0);
      await mirrorLedger(dir, keys, kind.mirror());
      assert.equal(await kind.mirror().checkpoint(), checkpointOf(dir));
      assert.deepEqual(await mirrorLedger(dir, keys, { ...kind.mirror(), put: () => Promise.reject(new Error("written to")) }), { origin: "example.com/releases", before: 0, size: 0 });
    });

    it("witnesses: a ledger that was cut, or has another history, is told as such, and the mirror keeps what it has", async () => {
      const dir = ledgerOf(5);
      const shorter = copyOf(dir);
      grow(dir, 5, 3);
      await mirrorLedger(dir, keys, kind.mirror());
      const held = await kind.mirror().checkpoint();
      const cases: [string, LedgerErrorCode][] = [[shorter, "truncated"]];
      const other = copyOf(shorter);
      grow(other, 50, 6);
      cases.push([other, "fork"]);
      for (const [harmed, code] of cases) {
        await assert.rejects(mirrorLedger(harmed, keys, kind.mirror()), refused(code));
        assert.equal(await kind.mirror().checkpoint(), held);
      }
    });

    it("two at once: the later one is told, and nothing of the first is lost", async () => {
      const dir = ledgerOf(2);
      await mirrorLedger(dir, keys, kind.mirror());
      const slow = kind.mirror();
      const racing: Mirror = {
        ...slow,
        put: async (...args) => {
          const longer = copyOf(dir);
          grow(longer, 2, 5);
          await mirrorLedger(longer, keys, kind.mirror());
          await slow.put(...args);
        },
      };
      const mine = copyOf(dir);
      grow(mine, 2, 1);
      await assert.rejects(mirrorLedger(mine, keys, racing), refused("mirror"));
      assert.equal((await kind.mirror().checkpoint())?.split("\n")[1], "7");
    });
  });
}

describe("ledger: mirrors that can't be used", () => {
  it("a branch with something else, a repository that is not there, a bucket that is not there, a storage that is away or refuses", async () => {
    const dir = ledgerOf(1);
    const repository = folder();
    git(repository, "init", "--quiet", "--initial-branch=other");
    git(repository, "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "--message", "x");
    const storage = await Storage.start();
    const s3 = { endpoint: storage.endpoint, bucket: "audit", prefix: "", accessKeyId: "someone", secretAccessKey: "secret" };
    const mirrors: [Mirror, RegExp][] = [
      [gitMirror(repository, "other"), /holds something else than a ledger/],
      [gitMirror(join(repository, "none"), "ledger"), /git ls-remote failed/],
      [s3Mirror({ ...s3, bucket: "none" }), /answers 404 NoSuchBucket to checkpoint/],
      [s3Mirror({ ...s3, accessKeyId: "stranger" }), /answers 403 SignatureDoesNotMatch/],
      [s3Mirror({ ...s3, endpoint: "http://127.0.0.1:1" }), /does not answer/],
    ];
    for (const [mirror, expected] of mirrors) {
      await assert.rejects(mirrorLedger(dir, keys, mirror), refused("mirror", expected));
    }
    await storage.stop();
    // A password in the address is not repeated.
    await assert.rejects(gitMirror("https://ada:secret@127.0.0.1:1/x.git", "ledger").checkpoint(), (error: Error) => !error.message.includes("secret"));
  });

  it("broken off after any request, what lies in the storage still verifies, and the next time goes on", async () => {
    const dir = ledgerOf(999);
    for (let requests = 1; ; requests += 1) {
      const { storage, mirror, fetched, stop } = await s3Kind();
      const copy = copyOf(dir);
      await mirrorLedger(copy, keys, mirror());
      grow(copy, 999, 1500);
      storage.failAfter = storage.asked.length + requests;
      const broken = await mirrorLedger(copy, keys, mirror()).then(
        () => false,
        () => true,
      );
      storage.failAfter = undefined;
      assert.equal(verifyLedger(fetched(), { keys }).checkpoint.size, broken ? 999 : 2499);
      await mirrorLedger(copy, keys, mirror());
      assert.equal(verifyLedger(fetched(), { keys }).checkpoint.size, 2499);
      await stop();
      if (!broken) {
        assert.ok(requests >= 4, "it was never broken off");
        return;
      }
    }
  });

  it("a mirror names nobody", async () => {
    const { mirror, fetched } = await gitKind();
    await mirrorLedger(ledgerOf(1), keys, mirror());
    const commit = git(fetched(), "log", "-1", "--format=%an <%ae> %cn <%ce> %s");
    assert.match(commit, /^ledger mirror <ledger@invalid> ledger mirror <ledger@invalid> example\.com\/releases: 1 entries, root /);
    assert.ok(!readFileSync(join(fetched(), "checkpoint"), "utf8").includes("@"));
  });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandEnd, ReleaseScene } from "../../bench/releaseScene.ts";
import { loadVersions } from "../../bench/switchImages.ts";
import type { Answer } from "../../bench/switchRequests.ts";
import { add } from "../../cluster/add.ts";
import { down } from "../../cluster/down.ts";
import { imageNames } from "../../cluster/images/catalog.ts";
import type { Node } from "../../cluster/node.ts";
import { exitCodes } from "../../delivery/exitCodes.ts";
import { ledgerExitCodes } from "../../delivery/ledgerExitCodes.ts";
import { allBeforePassed, start } from "./world.ts";

const name = "test-release";
const versions = { first: {}, second: {}, third: {}, fourth: {}, faulty: { errorRate: 0 } } as const;

/** Releases follow each other, as in life: each test begins with what the one before has left. */
describe("delivery release on the local cluster, under load", function () {
  this.timeout(600_000);
  beforeEach(allBeforePassed);
  let node: Node;
  let images: Record<keyof typeof versions, string>;
  let opened: ReleaseScene | undefined;
  const scene = (): ReleaseScene => opened ?? assert.fail("the first version was not made true");

  before(async () => {
    node = await start(name);
    await Promise.all([add("data", name, "local", () => undefined), loadVersions(node, versions).then((loaded) => (images = loaded))]);
    opened = await ReleaseScene.open(node, images.first, { source: "pods", duration: "10s", minRequests: 20 }, { load: 10, users: 20 });
  });

  after(async () => {
    await opened?.close();
    await down(name, true, () => undefined);
  });

  const release = async (version: keyof typeof versions): Promise<CommandEnd> => await scene().run("release", "--image", images[version]);
  const live = (): string | undefined => scene().watch.selected.at(-1)?.slot;
  /** Each with when it was sent, in seconds after that. */
  const failed = (answers: readonly Answer[], since: number): string[] => answers.flatMap(({ failure, connecting, sent }) => (failure === undefined ? [] : `${connecting}: ${failure} (sent after ${((sent - since) / 1000).toFixed(2)} s)`));
  const steps = ({ told }: CommandEnd): string[] => [...new Set(told.map(({ event }) => event.step))];
  const entries = (kind: string): Record<string, unknown>[] =>
    readFileSync(join(scene().stack.folder, ".delivery/ledger/entries/000000000000.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>).filter((entry) => entry["kind"] === kind);

  /** Each with when it was said. */
  const complaints = async (): Promise<string> =>
    await node.kubectl(["get", "events", "--namespace=local", "--field-selector=type=Warning", "--sort-by=.lastTimestamp", "--output=custom-columns=AT:.lastTimestamp,OF:.involvedObject.name,WHAT:.message"]);

  /** Nothing may have failed since, and the ledger must verify. */
  const served = async (since: number): Promise<void> => {
    await scene().load.more(50);
    await scene().users.more(50);
    const wrong = failed(scene().since(since), since);
    if (wrong.length > 0) assert.fail(`${wrong.length} requests failed:\n${[...wrong.slice(0, 5), "…", ...wrong.slice(-5)].join("\n")}\nWhat the cluster complained of:\n${await complaints()}`);
    assert.match(await scene().verifyLedger(), /holds what was signed/);
  };

  it("a good release: switched, watched, recorded, and no request fails; a second command is told who holds the lease", async () => {
    const first = scene().start("release", "--image", images.second, "--schema", "expand", "--why", "a rehearsal");
    await first.reached("updating");
    const second = await release("third");
    assert.equal(second.code, exitCodes.held, second.errors);
    assert.match(second.errors, /is releasing this stack: release r-.*Nothing was changed/);
    const end = await first.ended;
    assert.equal(end.code, exitCodes.done, end.errors);
    assert.deepEqual(steps(end), ["started", "updating", "switched", "baking", "released"]);
    assert.equal(live(), "green");
    await served(end.begun);
    const [started] = entries("release-started");
    assert.deepEqual([started?.["why"], (started?.["what"] as { image: string }).image], ["a rehearsal", images.second.split("@")[1]]);
    assert.deepEqual(entries("gate-verdict").map(({ data }) => (data as { verdict: string }).verdict), ["pass"]);
    assert.equal(entries("promoted").length, 1);
  });

  it("a bad release is taken back, even when the command dies over it, and the record says why and since when", async () => {
    const run = scene().start("release", "--image", images.faulty);
    await run.reached("switched");
    await scene().inject(images.faulty, { errorRate: 0.4 });
    await run.reached("traffic-back");
    run.kill();
    await run.ended;
    assert.deepEqual(scene().watch.selected.slice(-3).map(({ slot }) => slot), ["green", "blue", "green"]);
    const again = await release("faulty");
    assert.equal(again.code, exitCodes.takenBack, again.errors);
    assert.ok(!steps(again).includes("switched"), "what was found bad is not released again");
    assert.equal(live(), "green");
    await served(again.done);
    assert.ok(scene().since(again.begun - 60_000).some(({ failure }) => failure?.startsWith("status 500") === true), "users did get bad answers");
    const back = entries("rolled-back");
    assert.match(String(back.at(-1)?.["why"]), /error ratio .* surely above 5 %|none of its pods is ready/);
  });

  for (const [step, version] of [["updating", "third"], ["switched", "fourth"]] as const) {
    it(`killed while it is ${step}: nobody notices, and the same command goes on`, async () => {
      const before = live();
      const run = scene().start("release", "--image", images[version]);
      await run.reached(step);
      run.kill();
      const killed = await run.ended;
      assert.equal(killed.code, null);
      const end = await release(version);
      assert.equal(end.code, exitCodes.done, end.errors);
      assert.equal(steps(end)[0], "resumed");
      assert.notEqual(live(), before);
      await served(killed.begun);
    });
  }

  it("roll-back is at once, goes on where it was killed, and empties the slot", async () => {
    const from = live();
    const run = scene().start("rollback", "--why", "a rehearsal");
    await run.reached("settling");
    run.kill();
    const killed = await run.ended;
    assert.notEqual(live(), from);
    const end = await scene().run("rollback", "--why", "a rehearsal");
    assert.equal(end.code, exitCodes.done, end.errors);
    await served(killed.begun);
    const nothing = await scene().run("rollback");
    assert.equal(nothing.code, exitCodes.refused);
    assert.match(nothing.errors, /is empty: there is no version to go back to. Nothing was changed/);
  });

  it("wrong input is refused in words, each with its exit status, and nothing is changed", async () => {
    const { folder } = scene().stack;
    const settings = join(folder, "Pulumi.local.yaml");
    const ledger = join(folder, ".delivery/ledger");
    const digest = (): string => createHash("sha256").update(readFileSync(settings)).digest("hex");
    const [before, selected] = [digest(), scene().watch.selected.length];
    const refuses = async (code: number, message: RegExp, ...words: string[]): Promise<void> => {
      const end = await scene().run(...words);
      assert.equal(end.code, code, `${words.join(" ")}: ${end.errors}`);
      assert.match(end.errors, message);
    };
    await refuses(exitCodes.usage, /names no digest, and a tag can be moved/, "release", "--image", `${imageNames.auditTrail}:latest`);
    await refuses(exitCodes.refused, /declares "contract", and .*may have to return/, "release", "--image", images.first, "--schema", "contract");
    await refuses(exitCodes.usage, /has no release 99 that has passed its watch/, "rollback", "--to", "99");

    cpSync(ledger, `${ledger}.kept`, { recursive: true });
    const file = join(ledger, "entries/000000000000.jsonl");
    writeFileSync(file, readFileSync(file, "utf8").replace("a rehearsal", "nothing here"));
    await refuses(ledgerExitCodes.edited, /Nothing|entry/, "release", "--image", images.first);
    rmSync(ledger, { recursive: true });
    renameSync(`${ledger}.kept`, ledger);

    assert.deepEqual([digest(), scene().watch.selected.length], [before, selected]);
  });
});

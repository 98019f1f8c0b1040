import assert from "node:assert/strict";
import type { Judgement } from "../../delivery/bakeJudge.ts";
import { showProgress } from "../../delivery/progress.ts";

const judgement = (decision: Judgement["decision"]): Judgement => ({ decision, because: "it is watched", measures: { ready: 3, requests: 100, errorRatio: 0.0123, p95: 0.25 } });
const clear = "\r\u001b[2K";

function screen(isTTY: boolean): { written: string[]; write: (text: string) => void; isTTY: boolean; columns: number } {
  const written: string[] = [];
  return { written, write: (text) => void written.push(text), isTTY, columns: 60 };
}

describe("delivery: progress", () => {
  it("on a terminal replaces what is only for now, cut to its width, and keeps the steps", () => {
    const to = screen(true);
    const { tell, now } = showProgress({}, to);
    tell("updating", "green is filled");
    now("  Deployment green: 0 of 3 pods ready, and a long reason that does not fit into the line");
    tell("baking", "it is watched", judgement("wait"));
    tell("released", "done");
    const [updating = "", waiting = "", watching = "", wiped, released = ""] = to.written;
    assert.match(updating, /^ +0\.0 s {2}updating {6}green is filled\n$/);
    assert.ok(waiting.startsWith(clear) && waiting.endsWith("…") && waiting.length === clear.length + 59);
    assert.ok(watching.startsWith(clear) && !watching.includes("\n"));
    assert.equal(wiped, clear);
    assert.match(released, /released {6}done\n$/);
  });

  it("elsewhere writes lines only, the watch's measures seldom, and never a control character", () => {
    const to = screen(false);
    const { tell, now } = showProgress({}, to);
    now("0 of 3 pods ready");
    for (let sample = 0; sample < 5; sample++) tell("baking", "it is watched", judgement("wait"));
    tell("baking", "it held", judgement("promote"));
    assert.equal(to.written.length, 2);
    assert.match(to.written[0] ?? "", /it is watched \(3 pods ready, 100 requests, 1\.23 % errors, p95 250 ms\)\n$/);
    assert.ok(!to.written.join("").includes("\u001b"));
  });

  it("for programs writes one JSON document a line, with every sample", () => {
    const [people, programs] = [screen(true), screen(false)];
    const { tell, now } = showProgress({ json: true }, people, programs);
    now("0 of 3 pods ready");
    tell("switched", "green has the traffic");
    tell("baking", "it is watched", judgement("wait"));
    assert.deepEqual(people.written, []);
    const events = programs.written.map((line) => JSON.parse(line) as { step: string; at: string; judgement?: Judgement });
    assert.deepEqual(events.map(({ step, judgement: told }) => [step, told?.decision]), [["switched", undefined], ["baking", "wait"]]);
  });
});

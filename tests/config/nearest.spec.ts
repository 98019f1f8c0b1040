import assert from "node:assert/strict";
import fc from "fast-check";
import { describeKeys } from "../../config/keys.ts";
import { nearestKey } from "../../config/nearest.ts";

const known = describeKeys().map(({ path }) => path);
const isKnown = (path: readonly string[]) => known.some((other) => other.join(".") === path.join("."));

describe("the nearest key", () => {
  const meant: readonly (readonly [string, string])[] = [
    ["replica", "replicas"],
    ["Replicas", "replicas"],
    ["cluster-name", "clusterName"],
    ["log_level", "logLevel"],
    ["stratgey", "strategy"],
    ["canary.stepWieght", "canary.stepWeight"],
    ["canary.maxweight", "canary.maxWeight"],
    ["stepWeight", "canary.stepWeight"],
    ["refreshInterval", "secrets.refreshInterval"],
    ["secrets.keys.database_url", "secrets.keys.database-url"],
    ["bluegreen.activ", "blueGreen.active"],
    ["gateway.hostnam", "gateway.hostname"],
  ];
  for (const [typed, key] of meant)
    it(`to ${typed} is ${key}`, () => assert.equal(nearestKey(typed.split("."), known)?.join("."), key));

  for (const typed of ["bananas", "zzz", "x", "service.whatever"])
    it(`to ${typed} is none`, () => assert.equal(nearestKey(typed.split("."), known), undefined));

  it("to a key with one slip in it is that key, or another one slip away", () => {
    const slip = fc.constantFrom(
      (text: string, at: number) => text.slice(0, at) + text.slice(at + 1),
      (text: string, at: number) => `${text.slice(0, at)}x${text.slice(at)}`,
      (text: string, at: number) => text.slice(0, at) + (text[at + 1] ?? "") + (text[at] ?? "") + text.slice(at + 2),
      (text: string, at: number) => `${text.slice(0, at)}x${text.slice(at + 1)}`,
    );
    const long = known.filter((path) => path.at(-1)!.length > 4);
    fc.assert(
      fc.property(fc.constantFrom(...long), fc.nat(), slip, (path, place, edit) => {
        const last = path.at(-1)!;
        const typed = [...path.slice(0, -1), edit(last, place % last.length)];
        fc.pre(!isKnown(typed));
        const others = known.filter((other) => other !== path);
        const found = nearestKey(typed, known);
        assert.ok(
          found === path || found === nearestKey(typed, others),
          `${typed.join(".")} is taken for ${String(found)}`,
        );
        assert.notEqual(found, undefined);
      }),
    );
  });
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { settingsDigest, writeSettings } from "../../delivery/stackSettings.ts";
import { folder } from "./releaseEntries.ts";

const text = `# Who owns this file.
config:
  app:replicas: 3 # not fewer
  app:blueGreen:
    active: blue # has the traffic
    slots:
      blue:
        image: ghcr.io/a/b@sha256:1
    progressDeadline: 15s
  app:slo: { availability: 99.9 }
`;
const fileOf = (content: string): string => {
  const path = join(folder(), "Pulumi.local.yaml");
  writeFileSync(path, content);
  return path;
};
interface File {
  config: { "app:blueGreen": { active: string; slots: Record<string, { image: string }>; progressDeadline: string }; "app:image"?: string };
}
const read = (path: string): File => parse(readFileSync(path, "utf8")) as File;

describe("delivery: the stack's file", () => {
  it("changes the slots and nothing else: comments, order and other keys stay", () => {
    const path = fileOf(text);
    writeSettings(path, "app", { active: "green", images: { blue: "ghcr.io/a/b@sha256:1", green: "ghcr.io/a/b@sha256:2" } });
    assert.equal(readFileSync(path, "utf8"), text.replace("active: blue", "active: green").replace("        image: ghcr.io/a/b@sha256:1\n", "        image: ghcr.io/a/b@sha256:1\n      green:\n        image: ghcr.io/a/b@sha256:2\n"));
    assert.deepEqual(readdirSync(join(path, "..")), ["Pulumi.local.yaml"], "no draft is left");
  });

  it("empties a slot, and writes a canary's image", () => {
    const path = fileOf(text);
    writeSettings(path, "app", { active: "green", images: { green: "ghcr.io/a/b@sha256:2" } });
    assert.deepEqual(read(path).config["app:blueGreen"].slots, { green: { image: "ghcr.io/a/b@sha256:2" } });
    writeSettings(path, "app", { image: "ghcr.io/a/b@sha256:3" });
    assert.equal(read(path).config["app:image"], "ghcr.io/a/b@sha256:3");
  });

  it("reads back what was written, whatever it was before (property)", () => {
    const image = fc.constantFrom("ghcr.io/a/b@sha256:1", "ghcr.io/a/b@sha256:2", undefined);
    const settings = fc.record({ active: fc.constantFrom("blue" as const, "green" as const), blue: image, green: image });
    const path = fileOf(text);
    fc.assert(
      fc.property(settings, ({ active, blue, green }) => {
        writeSettings(path, "app", { active, images: { ...(blue !== undefined && { blue }), ...(green !== undefined && { green }) } });
        const { active: written, slots, progressDeadline } = read(path).config["app:blueGreen"];
        assert.deepEqual([written, slots.blue?.image, slots.green?.image, progressDeadline], [active, blue, green, "15s"]);
      }),
    );
  });

  it("says what is wrong with a file that is no YAML, and leaves it", () => {
    const path = fileOf("config: [");
    assert.throws(() => writeSettings(path, "app", { image: "x" }), /Pulumi\.local\.yaml/);
    assert.equal(readFileSync(path, "utf8"), "config: [");
    assert.match(settingsDigest(path), /^sha256:[0-9a-f]{64}$/);
  });
});

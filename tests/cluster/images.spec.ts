import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { buildImage, reference } from "../../cluster/images/build.ts";
import type { Image, ImageEntry } from "../../cluster/images/image.ts";
import { loadImage } from "../../cluster/images/load.ts";
import type { Node } from "../../cluster/node.ts";

describe("images from files", () => {
  let folder: string;
  let cacheBefore: string | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rlhf-images-"));
    cacheBefore = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = join(folder, "cache");
  });
  afterEach(async () => {
    if (cacheBefore === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cacheBefore;
    await rm(folder, { recursive: true });
  });

  const image = (files: Iterable<readonly [string, ImageEntry]>): Image => ({ files: new Map(files), entrypoint: ["/a"] });
  const text = (content: string, mode?: number): ImageEntry => ({ type: "file", from: Buffer.from(content), ...(mode === undefined ? {} : { mode }) });

  it("the digest depends neither on time nor on order nor on names", async () => {
    const path = join(folder, "file");
    await writeFile(path, "content");
    const first = await buildImage(image([["/x/file", { type: "file", from: path }], ["/a", text("a")]]), ["one:1"]);
    await utimes(path, new Date(0), new Date(0));
    const second = await buildImage(image([["/a", text("a")], ["/x/file", { type: "file", from: path }]]), ["two:2", "ghcr.io/three"]);
    assert.equal(first.digest, second.digest);
  });

  it("the digest depends on content, mode, path and configuration", async () => {
    const variants = [
      image([["/a", text("a")]]),
      image([["/a", text("b")]]),
      image([["/a", text("a", 0o755)]]),
      image([["/b", text("a")]]),
      { ...image([["/a", text("a")]]), user: "65532" },
      { ...image([["/a", text("a")]]), env: { X: "1" } },
    ];
    const digests = [];
    for (const variant of variants) digests.push((await buildImage(variant, ["one:1"])).digest);
    assert.equal(new Set(digests).size, variants.length);
  });

  it("any set of files in any order gives the same digest", async () => {
    const name = fc.stringMatching(/^[a-z][a-z.-]{0,4}$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, name), { maxLength: 8, selector: ([a, b]) => `${a}/${b}` }), fc.string(), async (names, content) => {
        const files = names.map(([a, b]) => [`/${a}_/${b}`, text(content)] as const);
        const forwards = await buildImage(image(files), ["one:1"]);
        const backwards = await buildImage(image([...files].reverse()), ["one:1"]);
        assert.equal(forwards.digest, backwards.digest);
      }),
      { numRuns: 30 },
    );
  });

  it("the archive's index carries the full references", async () => {
    const built = await buildImage(image([["/a", text("a")]]), ["localhost/x:1", "ghcr.io/terragonlabs/rlhf-audit-trail"]);
    const archive = await readFile(built.archive, "latin1");
    assert.ok(archive.includes('"io.containerd.image.name":"localhost/x:1"'));
    assert.ok(archive.includes(`"io.containerd.image.name":"ghcr.io/terragonlabs/rlhf-audit-trail@${built.digest}"`));
  });

  it("an archive is there until the node has taken it, also where that fails; what a killed run left goes after a day", async () => {
    const archives = join(folder, "cache/rlhf-audit-trail/cluster/images");
    const asked: string[][] = [];
    const node = (fails: boolean) => ({
      runInside: async (words: readonly string[]) => {
        asked.push([...words.slice(3, 5), ...(words[4] === "import" ? [String((await readFile(words[5] ?? "")).length > 0)] : [])]);
        if (fails) throw new Error("the node said no");
        return "";
      },
    }) as unknown as Node;
    const { digest, references } = await loadImage(node(false), image([["/a", text("a")]]), ["ghcr.io/terragonlabs/x"]);
    assert.deepEqual(references, [`ghcr.io/terragonlabs/x@${digest}`]);
    assert.deepEqual(asked, [["images", "list"], ["images", "import", "true"]]);
    await assert.rejects(loadImage(node(true), image([["/a", text("a")]]), ["one:1"]), /the node said no/);
    assert.deepEqual(await readdir(archives), []);
    for (const [name, hours] of [["old.tar", 25], ["unfinished.1.1", 25], ["another-run.tar", 1]] as const) {
      await writeFile(join(archives, name), "");
      await utimes(join(archives, name), new Date(), new Date(Date.now() - hours * 3_600_000));
    }
    const { archive } = await buildImage(image([["/a", text("a")]]), ["one:1"]);
    assert.deepEqual((await readdir(archives)).sort(), ["another-run.tar", basename(archive)]);
  });

  it("a port in a registry's name is not a tag", () => {
    assert.equal(reference("localhost:5000/x", "sha256:1"), "localhost:5000/x@sha256:1");
    assert.equal(reference("localhost:5000/x:2", "sha256:1"), "localhost:5000/x:2");
  });

  it("a path that climbs out is refused", async () => {
    for (const path of ["/../etc/passwd", "relative", "/", "/a/../b", "/a//b"]) await assert.rejects(buildImage(image([[path, text("x")]]), ["one:1"]), /not a plain absolute path/);
  });
});

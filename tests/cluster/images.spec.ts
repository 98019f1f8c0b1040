import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { extract } from "tar-stream";
import { buildImage, reference } from "../../cluster/images/build.ts";
import type { Image, ImageEntry } from "../../cluster/images/image.ts";
import { loadImage } from "../../cluster/images/load.ts";
import type { Node } from "../../cluster/node.ts";

describe("images from files", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rlhf-images-"));
  });
  afterEach(async () => {
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
    const archive = (await buffer(built.archive(true))).toString("latin1");
    assert.ok(archive.includes('"io.containerd.image.name":"localhost/x:1"'));
    assert.ok(archive.includes(`"io.containerd.image.name":"ghcr.io/terragonlabs/rlhf-audit-trail@${built.digest}"`));
  });

  it("every blob of an archive has the name of its content, the layer among them unless it is left out", async () => {
    const built = await buildImage(image([["/a", text("a")], ["/folder/b", text("b".repeat(100_000))]]), ["one:1"]);
    const blobs = async (withLayer: boolean): Promise<string[]> => {
      const found: string[] = [];
      for await (const entry of built.archive(withLayer).pipe(extract())) {
        const content = await buffer(entry);
        const [, digest] = /^blobs\/sha256\/(.*)$/.exec(entry.header.name) ?? [];
        if (digest === undefined) continue;
        assert.equal(createHash("sha256").update(content).digest("hex"), digest);
        found.push(`sha256:${digest}`);
      }
      return found;
    };
    const [whole, rest] = [await blobs(true), await blobs(false)];
    assert.equal(whole.length, 3);
    assert.ok(whole.includes(built.digest));
    assert.deepEqual(rest, whole.filter((digest) => digest !== built.layer));
  });

  describe("given to a node", () => {
    const [name, entries] = ["ghcr.io/terragonlabs/x", [["/a", text("a")]] as const];

    /** A node that has these images, as a list names them, and these layers; notes what it gets. */
    function nodeWith(images: string, layers: string): { node: Node; got: number[] } {
      const got: number[] = [];
      const runInside = async (words: readonly string[], input?: Readable): Promise<string> => {
        if (words[4] === "import") got.push(input === undefined ? 0 : (await buffer(input)).length);
        return words[3] === "content" ? layers : words[4] === "list" ? images : "";
      };
      return { node: { runInside } as unknown as Node, got };
    }

    it("one that is there is not sent", async () => {
      const { digest } = await buildImage(image(entries), [name]);
      const { node, got } = nodeWith(`REF TYPE DIGEST\n${name}@${digest} application/json ${digest} 1 B\n`, "");
      assert.deepEqual(await loadImage(node, image(entries), [name]), { digest, references: [`${name}@${digest}`] });
      assert.deepEqual(got, []);
    });

    it("a tag that stands for another image is sent anew", async () => {
      const { node, got } = nodeWith(`one:1 application/json sha256:${"0".repeat(64)} 1 B\n`, "");
      await loadImage(node, image(entries), ["one:1"]);
      assert.equal(got.length, 1);
    });

    it("a layer that is there is not sent again", async () => {
      const { layer } = await buildImage(image(entries), [name]);
      const [none, there] = [nodeWith("", ""), nodeWith("", `${layer}\n`)];
      for (const { node } of [none, there]) await loadImage(node, image(entries), [name]);
      assert.ok((none.got[0] ?? 0) > (there.got[0] ?? 0));
      assert.ok((there.got[0] ?? 0) > 0);
    });

    it("a file that has gone meanwhile is named, and the node's words are passed on", async () => {
      const gone = join(folder, "gone");
      await writeFile(gone, "x");
      const built = await buildImage(image([["/a", { type: "file", from: gone }]]), ["one:1"]);
      await rm(gone);
      await assert.rejects(buffer(built.archive(true)), /ENOENT.*gone/);
      await assert.rejects(loadImage({ runInside: () => Promise.reject(new Error("the node said no")) } as unknown as Node, image(entries), ["one:1"]), /the node said no/);
    });
  });

  it("a port in a registry's name is not a tag", () => {
    assert.equal(reference("localhost:5000/x", "sha256:1"), "localhost:5000/x@sha256:1");
    assert.equal(reference("localhost:5000/x:2", "sha256:1"), "localhost:5000/x:2");
  });

  it("a path that climbs out is refused", async () => {
    for (const path of ["/../etc/passwd", "relative", "/", "/a/../b", "/a//b"]) await assert.rejects(buildImage(image([[path, text("x")]]), ["one:1"]), /not a plain absolute path/);
  });
});

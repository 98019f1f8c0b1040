import assert from "node:assert/strict";
import fc from "fast-check";
import { formatImage, isFromAllowedRegistry, isRegistryPrefix, parseImage } from "../../config/image.ts";

const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const reference = fc.record(
  {
    registry: fc.oneof(
      fc.tuple(word, word).map((labels) => labels.join(".")),
      fc.integer({ min: 1, max: 65535 }).map((port) => `localhost:${port}`),
    ),
    repository: fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
    digest: hex.map((digits) => `sha256:${digits}`),
  },
  { requiredKeys: ["registry", "repository"] },
);
const digest = `sha256:${"0".repeat(64)}`;

describe("an image reference", () => {
  it("is taken apart", () => {
    assert.deepEqual(parseImage(`localhost:5000/a/b-c:v1@${digest}`), {
      registry: "localhost:5000",
      repository: "a/b-c",
      tag: "v1",
      digest,
    });
    assert.deepEqual(parseImage("ghcr.io/x"), { registry: "ghcr.io", repository: "x" });
  });

  for (const text of [
    "",
    "nginx",
    "library/nginx",
    "ghcr.io/",
    "ghcr.io/X",
    "ghcr.io//x",
    "ghcr.io/x:",
    "ghcr.io/x@sha256:abc",
    `ghcr.io/x@sha512:${"0".repeat(64)}`,
    `ghcr.io/x@${digest.toUpperCase()}`,
    "https://ghcr.io/x",
    "ghcr.io/x y",
    "ghcr.io/x\n",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseImage(text), undefined));
  }

  it("is read back as it was written", () => {
    fc.assert(fc.property(reference, (image) => assert.deepEqual(parseImage(formatImage(image)), { ...image })));
  });

  it("never throws on any text", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 2000 }),
        (text) => parseImage(text) === undefined || formatImage(parseImage(text)!) === text,
      ),
    );
  });

  it("is allowed by whole parts of the path only", () => {
    fc.assert(
      fc.property(reference, word, (image, more) => {
        const path = `${image.registry}/${image.repository}`;
        assert.ok(isFromAllowedRegistry(formatImage(image), [image.registry]));
        assert.ok(isFromAllowedRegistry(formatImage(image), [path]));
        assert.ok(!isFromAllowedRegistry(formatImage({ ...image, repository: `${image.repository}${more}` }), [path]));
        assert.ok(
          isFromAllowedRegistry(formatImage({ ...image, repository: `${image.repository}/${more}` }), [
            "other.io",
            path,
          ]),
        );
        assert.ok(!isFromAllowedRegistry(formatImage(image), []));
      }),
    );
  });

  it("has a length that registries take", () => {
    const name = (length: number) => `ghcr.io/${"x".repeat(length - 8)}`;
    assert.deepEqual(
      [255, 256].map((length) => isRegistryPrefix(name(length))),
      [true, false],
    );
    assert.deepEqual(
      [512, 513].map((length) => parseImage(name(length)) !== undefined),
      [true, false],
    );
  });

  it("has a registry that can stand in the list", () => {
    assert.deepEqual(
      ["ghcr.io", "ghcr.io/terragonlabs", "localhost:5000", "ghcr.io/", "terragonlabs", "*", "ghcr.io/x:v1"].map(
        isRegistryPrefix,
      ),
      [true, true, true, false, false, false, false],
    );
  });
});

/** Good versions that take turns: Flagger does not try again what it has just taken back. */
import assert from "node:assert/strict";

export class GoodVersions {
  readonly #images: readonly string[];
  #live: string;
  #tried: string;

  /** @param images at least three; the first one has the traffic */
  constructor(images: readonly [string, ...string[]]) {
    this.#images = images;
    [this.#live] = images;
    this.#tried = this.#live;
  }

  /** One that has not the traffic, and is not the one tried last. */
  next(): string {
    this.#tried = this.#images.find((image) => image !== this.#live && image !== this.#tried) ?? assert.fail("too few versions");
    return this.#tried;
  }

  /** The one tried last has the traffic now. */
  promoted(): void {
    this.#live = this.#tried;
  }
}

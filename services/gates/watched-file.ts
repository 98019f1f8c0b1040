import { readFile, stat } from "node:fs/promises";

/** A file that changes while the process runs, as mounted Secrets and ConfigMaps do: read again whenever it is another one. */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #seen: { readonly state: string; readonly value: T } | undefined;

  /** @param parse throws when the content cannot be used; then `get` does, until the file is good again. */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
  }

  /** The content as it is now. @throws what `stat`, `readFile` or `parse` do. */
  async get(): Promise<T> {
    const { dev, ino, size, mtimeNs } = await stat(this.#path, { bigint: true });
    const state = [dev, ino, size, mtimeNs].join(" ");
    if (this.#seen?.state !== state) this.#seen = { state, value: this.#parse(await readFile(this.#path, "utf8")) };
    return this.#seen.value;
  }
}

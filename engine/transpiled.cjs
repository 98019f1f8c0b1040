// What ts-node made of a program's files, kept by what it depends on: while nothing of that has changed, neither ts-node nor the compiler is loaded,
// which was a fifth of the program's processor time. Only where ts-node transpiles file by file, as one file's output then depends on no other's; what
// isn't plainly so is left to ts-node.
"use strict";
const { createHash } = require("node:crypto");
const { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

/** Files that it keeps; beyond that the oldest go, down to half. */
const mostKept = 2_000;
/** Options of ts-node that leave each file's output its own. */
const plainOptions = new Set(["swc", "transpileOnly"]);
/** Options of the compiler by which ts-node takes files of other kinds. */
const otherKinds = ["allowJs", "checkJs", "jsx"];

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/**
 * The kept outputs for a call of ts-node's `register`; undefined where they may depend on what is not known here.
 * @param options what `register` was called with
 * @param versions of ts-node and the compiler
 * @param folder where they are kept
 */
function keptFor(options, versions, folder) {
  if (folder === undefined || options?.transpileOnly !== true || options.skipProject === true || typeof options.project !== "string") return undefined;
  if (Object.keys(process.env).some((name) => name.startsWith("TS_NODE_"))) return undefined;
  const root = process.cwd();
  const configs = configChain(path.resolve(options.project));
  if (configs === undefined || configs.some(({ json }) => !isPlain(json))) return undefined;
  const swc = versionFrom(configs[0].file, "@swc/core");
  const setting = JSON.stringify([1, process.version, versions, swc, { ...options, project: undefined }, configs.map(({ text }) => text)]);
  return new Kept(root, setting, folder);
}

/** Outputs by relative path and content, so that copies of a project share them. */
class Kept {
  #root;
  #setting;
  #folder;
  #scopes = new Map();
  /** Compiled texts by path, for stack traces. */
  #texts = new Map();

  constructor(root, setting, folder) {
    this.#root = root;
    this.#setting = setting;
    this.#folder = folder;
  }

  /** The output for a file's content; undefined when there is none. */
  read(file, source) {
    const entry = this.#entry(file, source);
    if (entry === undefined) return undefined;
    let kept;
    try {
      kept = readFileSync(entry, "utf8");
    } catch {
      return undefined; // not there
    }
    const end = kept.indexOf("\n");
    const [sum, body] = [kept.slice(0, end), kept.slice(end + 1)];
    if (sha256(body) !== sum) return undefined; // cut off, or changed
    const { code, map } = JSON.parse(body);
    this.#texts.set(file, { code, map });
    return code;
  }

  /** Keeps an output. That it can't be kept is no failure: it is made again. */
  write(file, source, output) {
    const entry = this.#entry(file, source);
    const found = /\n?\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,([\w+/=]+)\s*$/.exec(output);
    if (entry === undefined || found === null) return;
    const { file: _file, sources: _sources, ...map } = JSON.parse(Buffer.from(found[1], "base64").toString("utf8"));
    const body = JSON.stringify({ code: output.slice(0, found.index), map });
    try {
      mkdirSync(this.#folder, { recursive: true });
      const made = `${entry}.${process.pid}`;
      writeFileSync(made, `${sha256(body)}\n${body}`);
      renameSync(made, entry);
      this.#prune();
    } catch {
      // a full disk, or a folder that is not ours to write to
    }
  }

  /** The text with its map, as `source-map-support` asks for it; undefined for what did not come from here. */
  mapped(file) {
    const kept = this.#texts.get(file);
    if (kept === undefined) return undefined;
    const map = JSON.stringify({ ...kept.map, file, sources: [file] });
    return `${kept.code}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${Buffer.from(map).toString("base64")}`;
  }

  #entry(file, source) {
    const inside = path.relative(this.#root, file);
    if (inside.startsWith("..") || path.isAbsolute(inside) || /(^|[\\/])node_modules[\\/]/.test(inside)) return undefined;
    return path.join(this.#folder, `${sha256(JSON.stringify([this.#setting, inside, source, this.#scopeOf(path.dirname(file))]))}.js`);
  }

  /** The nearest package.json, which says what kind of module a file is. */
  #scopeOf(folder) {
    if (!this.#scopes.has(folder)) {
      const file = path.join(folder, "package.json");
      const above = path.dirname(folder);
      this.#scopes.set(folder, existsSync(file) ? kindSaidBy(file) : above === folder ? "" : this.#scopeOf(above));
    }
    return this.#scopes.get(folder);
  }

  #prune() {
    const files = readdirSync(this.#folder);
    if (files.length <= mostKept) return;
    const ages = files.map((name) => ({ kept: path.join(this.#folder, name), at: statSync(path.join(this.#folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
    for (const { kept } of ages.sort((a, b) => a.at - b.at).slice(0, files.length - mostKept / 2)) rmSync(kept, { force: true });
  }
}

function kindSaidBy(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).type ?? "";
  } catch {
    return ""; // whoever needs it says what is wrong with it
  }
}

/** A tsconfig and what it extends, nearest first; undefined where one is more than plain JSON, or is found by other ways than its path. */
function configChain(file, seen = []) {
  if (seen.includes(file)) return undefined;
  let text, json;
  try {
    text = readFileSync(file, "utf8");
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const more = json.extends;
  if (more === undefined) return [{ file, text, json }];
  if (typeof more !== "string" || !/^\.{1,2}\/.*\.json$/.test(more)) return undefined;
  const rest = configChain(path.resolve(path.dirname(file), more), [...seen, file]);
  return rest && [{ file, text, json }, ...rest];
}

const isPlain = ({ compilerOptions = {}, "ts-node": own = {} }) => Object.keys(own).every((name) => plainOptions.has(name)) && otherKinds.every((name) => compilerOptions[name] === undefined);

function versionFrom(file, name) {
  try {
    return Module.createRequire(file)(`${name}/package.json`).version;
  } catch {
    return undefined;
  }
}

module.exports = { keptFor };

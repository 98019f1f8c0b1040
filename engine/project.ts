/** The project on disk: Pulumi.yaml, its stacks and their files. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { UserError, suggestion } from "./errors.ts";
import { type YamlValue, isMapping, readYamlFile } from "./yamlFile.ts";

/** One entry of `config:` in Pulumi.yaml. */
export interface ConfigDeclaration {
  /** `string`, `integer`, `boolean`, `object` or `array`; none: any. */
  type?: string;
  items?: ItemsType;
  /** For keys of the project's own namespace. */
  default?: YamlValue;
  /** For keys of other namespaces, e.g. `kubernetes:context`. */
  value?: YamlValue;
  secret: boolean;
}
export interface ItemsType {
  type: string;
  items?: ItemsType;
}

/** What Pulumi.yaml says. */
export interface Project {
  name: string;
  /** Folder of Pulumi.yaml, absolute. */
  root: string;
  /** Folder of the stack files, absolute. */
  stackDirectory: string;
  /** Working directory of the program, absolute. */
  pwd: string;
  /** Program as `cmd/run` takes it: a file name, or `.` for a folder. */
  main: string;
  runtime: { typescript: boolean; tsconfig?: string; nodeargs?: string };
  /** Declarations by key as typed in Pulumi.yaml. */
  config: Map<string, ConfigDeclaration>;
}

/**
 * Finds Pulumi.yaml in `from` or a folder above it and reads it.
 * @throws UserError when there is none, it is broken, or it asks for what this engine does not do
 */
export function loadProject(from: string): Project {
  const path = findProjectFile(resolve(from));
  const raw = readYamlFile(path);
  if (!isMapping(raw))
    throw new UserError(`${path} is not a Pulumi project: it must be a mapping with name and runtime.`);
  const root = dirname(path);
  const name = raw["name"];
  if (typeof name !== "string" || !/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
    throw new UserError(
      `${path}: name is ${JSON.stringify(name ?? null)}; it must be 1 to 100 letters, digits, "-", "_" or ".".`,
    );
  }
  const { config, stackConfigDirectory } = readConfigSection(raw, name, path);
  return {
    name,
    root,
    stackDirectory: resolve(root, stackConfigDirectory),
    ...locateProgram(root, raw["main"], path),
    runtime: readRuntime(raw["runtime"], path),
    config,
  };
}

function findProjectFile(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const file of ["Pulumi.yaml", "Pulumi.yml"]) {
      if (existsSync(join(folder, file))) return join(folder, file);
    }
    if (folder === dirname(folder)) break;
  }
  throw new UserError(
    `No Pulumi.yaml in ${from} or any folder above it.`,
    "Run the command in the project's folder, or name it with --cwd.",
  );
}

/** As Pulumi does: the program runs in the folder of its main file, or in `main` itself when that is a folder. */
function locateProgram(root: string, main: YamlValue | undefined, path: string): { pwd: string; main: string } {
  if (main === undefined || main === null || main === "") return { pwd: root, main: "." };
  if (typeof main !== "string") throw new UserError(`${path}: main must be a path, it is ${JSON.stringify(main)}.`);
  const target = isAbsolute(main) ? main : join(root, main);
  if (!existsSync(target)) throw new UserError(`${path}: main is ${main}, and ${target} does not exist.`);
  if (statSync(target).isDirectory()) return { pwd: target, main: "." };
  return { pwd: dirname(target), main: target.slice(dirname(target).length + 1) };
}

function readRuntime(runtime: YamlValue | undefined, path: string): Project["runtime"] {
  const name = isMapping(runtime) ? runtime["name"] : runtime;
  if (name !== "nodejs") {
    throw new UserError(
      `${path}: runtime is ${JSON.stringify(name ?? null)}; the embedded engine runs nodejs programs only.`,
      "Use --engine pulumi for other runtimes.",
    );
  }
  const given = isMapping(runtime) ? runtime["options"] : undefined;
  const options = isMapping(given) ? given : {};
  const text = (key: string): string | undefined => {
    const value = options[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string")
      throw new UserError(`${path}: runtime.options.${key} must be a string, it is ${JSON.stringify(value)}.`);
    return value;
  };
  const typescript = options["typescript"] ?? true;
  if (typeof typescript !== "boolean")
    throw new UserError(
      `${path}: runtime.options.typescript must be true or false, it is ${JSON.stringify(typescript)}.`,
    );
  return { typescript, tsconfig: text("tsconfig"), nodeargs: text("nodeargs") };
}

function readConfigSection(raw: { [key: string]: YamlValue }, project: string, path: string) {
  const section = raw["config"];
  const directory = raw["stackConfigDir"];
  const config = new Map<string, ConfigDeclaration>();
  // The old spelling of stackConfigDir.
  if (typeof section === "string") return { config, stackConfigDirectory: section };
  if (section !== undefined && section !== null && !isMapping(section))
    throw new UserError(`${path}: config must be a mapping of keys.`);
  for (const [key, entry] of Object.entries(section ?? {})) config.set(key, readDeclaration(key, entry, project, path));
  return { config, stackConfigDirectory: typeof directory === "string" ? directory : "." };
}

function readDeclaration(key: string, entry: YamlValue, project: string, path: string): ConfigDeclaration {
  const where = `${path}: config.${key}`;
  if (/[.[\]"]/.test(key)) {
    throw new UserError(
      `${where} is a path into a value; the embedded engine takes whole keys only.`,
      "Declare the key itself with type: object.",
    );
  }
  const own = !key.includes(":") || key.startsWith(`${project}:`);
  if (!isMapping(entry)) {
    if (entry === null) throw new UserError(`${where} is empty.`, "Give it a type, a default or a value.");
    return own ? { default: entry, secret: false } : { value: entry, secret: false };
  }
  const { type, items, secret } = entry;
  const fallback = entry["default"] ?? undefined;
  const value = entry["value"] ?? undefined;
  if (fallback !== undefined && value !== undefined)
    throw new UserError(`${where} has both default and value; one of them is enough.`);
  if (!own && (type !== undefined || fallback !== undefined || value === undefined)) {
    throw new UserError(`${where} belongs to another namespace; it takes value and neither type nor default.`);
  }
  if (
    type !== undefined &&
    (typeof type !== "string" || !["string", "integer", "boolean", "object", "array"].includes(type))
  ) {
    throw new UserError(
      `${where}.type is ${JSON.stringify(type)}; it must be string, integer, boolean, object or array.`,
    );
  }
  if (type === "array" && !isMapping(items))
    throw new UserError(`${where} is an array and does not say of what.`, "Add items: { type: … }.");
  return {
    type,
    items: isMapping(items) ? readItems(items, where) : undefined,
    default: fallback,
    value,
    secret: secret === true,
  };
}

function readItems(items: { [key: string]: YamlValue }, where: string): ItemsType {
  if (typeof items["type"] !== "string") throw new UserError(`${where}.items.type is missing.`);
  return { type: items["type"], items: isMapping(items["items"]) ? readItems(items["items"], where) : undefined };
}

/** The stacks that have a file, in alphabetical order. */
export function listStacks(project: Project): string[] {
  if (!existsSync(project.stackDirectory)) return [];
  return readdirSync(project.stackDirectory)
    .map((file) => /^Pulumi\.(.+)\.ya?ml$/.exec(file)?.[1])
    .filter((stack) => stack !== undefined)
    .sort();
}

/**
 * The file of a stack.
 * @param stack `production` or fully qualified, `organization/project/production`
 * @throws UserError that names the nearest stack when there is no such file
 */
export function stackFile(project: Project, stack: string): string {
  const { name } = parseStackName(project, stack);
  for (const extension of ["yaml", "yml"]) {
    const path = join(project.stackDirectory, `Pulumi.${name}.${extension}`);
    if (existsSync(path)) return path;
  }
  throw new UserError(
    `There is no stack "${stack}": no Pulumi.${name}.yaml in ${project.stackDirectory}.`,
    suggestion(name, listStacks(project), "stacks"),
  );
}

/**
 * Splits `organization/project/stack`, `organization/stack` or `stack`.
 * @returns the organization (`organization` by default, as Pulumi's self-managed backends call it) and the stack's name
 * @throws UserError for a malformed name or another project's stack
 */
export function parseStackName(project: Project, stack: string): { organization: string; name: string } {
  const parts = stack.split("/");
  const name = parts.at(-1) ?? "";
  if (parts.length > 3 || !/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
    throw new UserError(
      `"${stack}" is not a stack name: 1 to 100 letters, digits, "-", "_" or ".", with organization/project/ before it if you like.`,
    );
  }
  if (parts.length === 3 && parts[1] !== project.name) {
    throw new UserError(`"${stack}" is a stack of project ${parts[1] ?? ""}; this is project ${project.name}.`);
  }
  return { organization: parts.length > 1 ? (parts[0] ?? "") : "organization", name };
}
